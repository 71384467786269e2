/** The fleet in a few lines: what there is, what is under way, what is not well and why. Pure. */
import type { Lease } from '../kinds/lease.ts';
import type { Migration } from '../kinds/migration.ts';
import type { Node } from '../kinds/node.ts';
import type { Service } from '../kinds/service.ts';
import type { Task } from '../kinds/task.ts';
import type { Volume } from '../kinds/volume.ts';
import { failureText } from './follow/drain-steps.ts';
import { count } from './follow/step.ts';
import type { Style } from './output/style.ts';
import { formatTable, safeText } from './output/table.ts';

export interface FleetObjects {
  readonly nodes: readonly Node[];
  readonly services: readonly Service[];
  readonly volumes: readonly Volume[];
  readonly tasks: readonly Task[];
  readonly migrations: readonly Migration[];
  /** The gateways say there what they cannot serve. */
  readonly leases: readonly Lease[];
}

export interface Fleet {
  readonly nodes: { readonly total: number } & Readonly<Record<string, number>>;
  readonly services: readonly { name: string; ready: number; wanted: number; healthy: boolean }[];
  readonly volumes: readonly { name: string; phase: string; node: string | null }[];
  /** How many tasks are in each phase. */
  readonly tasks: Readonly<Record<string, number>>;
  readonly drains: readonly {
    node: string;
    step: string;
    services: string;
    tasks: string;
    volumes: string;
  }[];
  readonly problems: readonly { object: string; message: string }[];
  readonly allServicesHealthy: boolean;
}

export function summarizeFleet(objects: FleetObjects): Fleet {
  const services = objects.services.map(serviceLine);
  return {
    nodes: { total: objects.nodes.length, ...tally(objects.nodes.map(({ status }) => status.phase)) },
    services,
    volumes: objects.volumes.map(({ metadata, status }) => ({
      name: metadata.name,
      phase: status.phase,
      node: status.node ?? null,
    })),
    tasks: tally(objects.tasks.map(({ status }) => status.phase)),
    drains: objects.nodes.filter(({ spec }) => spec.drain).map(drainLine),
    problems: [
      ...objects.nodes.flatMap(nodeProblems),
      ...objects.services.flatMap(serviceProblems),
      ...objects.leases.flatMap(gatewayProblems),
      ...objects.volumes.flatMap(volumeProblems),
      ...objects.tasks.flatMap(taskProblems),
    ],
    allServicesHealthy: services.every(({ healthy }) => healthy),
  };
}

/** Text for a terminal; the first line is `N nodes …`. */
export function formatFleet(fleet: Fleet, style: Style): string {
  const { total, ...phases } = fleet.nodes;
  const lines = [style.strong(`${count(total, 'node')}${inBrackets(phases)}`)];
  const block = (title: string, head: string[], rows: string[][]) => {
    if (rows.length > 0) lines.push('', style.strong(title), ...indented(formatTable(head, rows)));
  };
  block(
    'services',
    ['NAME', 'READY'],
    fleet.services.map(({ name, ready, wanted }) => [name, `${ready}/${wanted}`]),
  );
  block(
    'volumes',
    ['NAME', 'PHASE', 'NODE'],
    fleet.volumes.map(({ name, phase, node }) => [name, phase, node ?? '-']),
  );
  const tasks = Object.entries(fleet.tasks);
  if (tasks.length > 0)
    lines.push('', `${style.strong('tasks')}  ${tasks.map(([p, n]) => `${n} ${p}`).join(', ')}`);
  block(
    'drains',
    ['NODE', 'STEP', 'SERVICES', 'TASKS', 'VOLUMES'],
    fleet.drains.map((drain) => [drain.node, drain.step, drain.services, drain.tasks, drain.volumes]),
  );
  if (fleet.problems.length > 0) {
    lines.push('', style.bad('not well'));
    for (const { object, message } of fleet.problems) lines.push(`  ${object}: ${safeText(message)}`);
  }
  const unhealthy = fleet.services.filter(({ healthy }) => !healthy).length;
  const verdict = fleet.allServicesHealthy
    ? style.good('all services healthy')
    : style.bad(`${count(unhealthy, 'service')} not healthy`);
  return `${[...lines, '', verdict].join('\n')}\n`;
}

function serviceLine({ metadata, spec, status }: Service) {
  const isCurrent = (status.observedGeneration ?? 0) >= metadata.generation;
  const healthy = isCurrent && status.ready >= spec.replicas;
  return { name: metadata.name, ready: status.ready, wanted: spec.replicas, healthy };
}

function drainLine({ metadata, status }: Node) {
  const { drain } = status;
  const part = (progress: { done: number; total: number } | undefined) =>
    progress ? `${progress.done}/${progress.total}` : '-';
  return {
    node: metadata.name,
    step: drain?.step ?? 'requested',
    services: part(drain?.services),
    tasks: part(drain?.tasks),
    volumes: part(drain?.volumes),
  };
}

type Problem = Fleet['problems'][number];

function nodeProblems({ metadata, spec, status }: Node): Problem[] {
  const object = `node/${metadata.name}`;
  const problems: Problem[] = [];
  if (status.phase === 'down') {
    const ready = status.conditions.find(({ type }) => type === 'Ready');
    problems.push({ object, message: `down${ready?.message ? `: ${ready.message}` : ''}` });
  }
  for (const failure of spec.drain ? (status.drain?.failures ?? []) : []) {
    problems.push({ object, message: `its drain: ${failureText(failure)}` });
  }
  return problems;
}

function serviceProblems(service: Service): Problem[] {
  const { metadata, status } = service;
  const object = `service/${metadata.name}`;
  if (metadata.deletionTimestamp !== undefined)
    return [{ object, message: 'it is being deleted; its allocs have to stop first' }];
  const messages = status.conditions.filter((c) => c.status === 'False').map((c) => c.message || c.reason);
  const { ready, wanted, healthy } = serviceLine(service);
  if (!healthy && messages.length === 0) messages.push(`${ready} of ${wanted} healthy`);
  return messages.map((message) => ({ object, message }));
}

const gatewayProblems = ({ metadata, spec }: Lease): Problem[] =>
  (spec.problems ?? []).map(({ service, message }) => ({
    object: `service/${service}`,
    message: `${metadata.name}: ${message}`,
  }));

const volumeProblems = ({ metadata, status }: Volume): Problem[] =>
  status.phase === 'failed'
    ? [{ object: `volume/${metadata.name}`, message: `failed${status.message ? `: ${status.message}` : ''}` }]
    : [];

const taskProblems = ({ metadata, status }: Task): Problem[] => {
  if (status.phase !== 'failed') return [];
  const exit = status.exitCode === undefined ? '' : ` with exit code ${status.exitCode}`;
  return [
    {
      object: `task/${metadata.name}`,
      message: `failed${exit}${status.message ? `: ${status.message}` : ''}`,
    },
  ];
};

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

const inBrackets = (counts: Readonly<Record<string, number>>): string => {
  const parts = Object.entries(counts).map(([word, amount]) => `${amount} ${word}`);
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
};

const indented = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`);
