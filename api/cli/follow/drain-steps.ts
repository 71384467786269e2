/** What can be observed of a drain, as steps: a pure function of the objects. */

import { formatDuration } from '../../duration.ts';
import type { Alloc } from '../../kinds/alloc.ts';
import type { Migration, MigrationPhase } from '../../kinds/migration.ts';
import type { DrainFailure, DrainStatus, DrainStep, Node } from '../../kinds/node.ts';
import { count, type Step } from './step.ts';

export interface DrainView {
  readonly node: Node;
  readonly drain: DrainStatus;
  /** Of this node. */
  readonly migrations: readonly Migration[];
  /** On this node, those that are over as well. */
  readonly allocs: readonly Alloc[];
  /** Volumes that were seen attached here since the follower came, and are not any more. */
  readonly detached: readonly string[];
}

/** All that the view shows, in the order in which a drain goes. */
export function drainSteps(view: DrainView): Step[] {
  const { node, drain } = view;
  const name = node.metadata.name;
  const subject = `node/${name}`;
  const steps: Step[] = [];
  if (isPast(drain.step, 'cordoning')) {
    const text = `${subject} cordoned: no new work is placed on it`;
    steps.push({ key: 'cordoned', node: name, step: 'cordoned', subject, text });
  }
  if (isPast(drain.step, 'checkingFeasibility')) steps.push(planStep(name, drain));
  for (const failure of drain.failures) steps.push(failureStep(name, failure));
  const moves = view.migrations.filter((migration) => isOfThisDrain(migration, drain));
  for (const move of moves) steps.push(...moveSteps(move, view));
  const handedOn = new Set(moves.flatMap((move) => volumesOf(move, view.allocs)));
  for (const volume of view.detached.filter((volume) => !handedOn.has(volume))) {
    const text = `volume/${volume}: detached from ${name}`;
    steps.push({ ...volumeStep(name, volume, 'volumeDetached'), text });
  }
  for (const alloc of view.allocs) steps.push(...stopSteps(alloc, name, drain));
  return steps;
}

/** A failure as it is said everywhere. */
export const failureText = ({ service, alloc, reason, message }: DrainFailure): string =>
  `${service ? `service "${service}": ` : ''}${alloc ? `alloc ${alloc}: ` : ''}${reason}${message ? `: ${message}` : ''}`;

const STEP_ORDER: readonly DrainStep[] = [
  'cordoning',
  'checkingFeasibility',
  'detachingVolumes',
  'migrating',
  'stoppingTasks',
  'drained',
  'failed',
];
const isPast = (step: DrainStep, other: DrainStep): boolean =>
  STEP_ORDER.indexOf(step) > STEP_ORDER.indexOf(other);

function planStep(node: string, { services, tasks, volumes }: DrainStatus): Step {
  const parts = [
    count(services.total, 'service alloc'),
    count(tasks.total, 'task'),
    count(volumes.total, 'volume'),
  ];
  return {
    key: 'plan',
    node,
    step: 'planned',
    subject: `node/${node}`,
    text: `node/${node} plan: ${parts.join(', ')}`,
    fields: { services: services.total, tasks: tasks.total, volumes: volumes.total },
  };
}

const failureStep = (node: string, failure: DrainFailure): Step => ({
  key: `failure ${failure.alloc} ${failure.reason}`,
  node,
  step: 'failure',
  subject: `failure ${failure.alloc}`,
  text: failureText(failure),
  bad: true,
  fields: { ...failure },
});

/** A migration of an earlier drain of the same node may still be there. */
const isOfThisDrain = ({ spec, status }: Migration, drain: DrainStatus): boolean =>
  spec.reason === 'drain' &&
  spec.attempt === drain.attempt &&
  (status.finishedAt === undefined || status.finishedAt >= drain.startedAt);

/** Phases in which the replacement is known to be healthy, and those in which it is known to be routed. */
const HEALTHY: readonly MigrationPhase[] = ['awaitingRoute', 'stoppingOriginal', 'done'];
const ROUTED: readonly MigrationPhase[] = ['stoppingOriginal', 'done'];
const SUSPENDED: readonly MigrationPhase[] = ['movingVolume', 'awaitingHealthy', ...HEALTHY];

function moveSteps(move: Migration, view: DrainView): Step[] {
  const { alloc, service, node } = move.spec;
  const { status } = move;
  const subject = `move ${alloc}`;
  const arrow = status.target ? `${alloc} → ${status.target}` : alloc;
  const fields = {
    alloc,
    service,
    ...(status.target ? { target: status.target } : {}),
    ...(status.replacement ? { replacement: status.replacement } : {}),
  };
  const step = (word: string, text: string, more: object = {}): Step => ({
    key: `${subject} ${word} ${status.replacement ?? ''}`,
    node,
    step: word,
    subject,
    text: `${arrow}: ${text}`,
    fields: { ...fields, ...more },
  });
  const steps: Step[] = (status.lost ?? []).map((replacement) => ({
    key: `${subject} lost ${replacement}`,
    node,
    step: 'replacementLost',
    subject,
    text: `${alloc}: its replacement ${replacement} was lost, another one is tried`,
    fields: { alloc, service, replacement },
  }));
  if (status.target && status.replacement) steps.push(step('placed', 'placed'));
  if (status.strategy === 'stop-first' && SUSPENDED.includes(status.phase)) {
    steps.push(step('suspended', 'original suspended'));
  }
  const routed = status.routedAt !== undefined || ROUTED.includes(status.phase);
  if (routed || HEALTHY.includes(status.phase)) steps.push(step('healthy', 'healthy'));
  if (routed) {
    steps.push(step('routed', 'routed'));
    if (status.gapMs !== undefined) steps.push(...handOnSteps(move, view));
  }
  if (status.phase === 'done') {
    const tookMs = elapsedMs(status.startedAt, status.finishedAt);
    const took = tookMs === undefined ? '' : ` (${formatDuration(tookMs)})`;
    steps.push(step('originalStopped', `original stopped${took}`, tookMs === undefined ? {} : { tookMs }));
  }
  if (status.failure) {
    const text = `${status.failure.reason}: ${status.failure.message}`;
    steps.push({ ...step('moveFailed', `failed: ${text}`, { ...status.failure }), bad: true });
  }
  if (status.phase === 'failed') {
    // Without a place nothing was begun.
    const text =
      status.replacement || status.lost ? 'undone, the original runs on' : 'the original runs on, untouched';
    steps.push({ ...step('undone', text), bad: true });
  }
  if (status.phase === 'cancelled') steps.push(step('undone', 'cancelled, the original runs on'));
  return steps;
}

const volumesOf = ({ spec }: Migration, allocs: readonly Alloc[]): readonly string[] => {
  const original = allocs.find((alloc) => alloc.metadata.name === spec.alloc);
  return (original?.spec.template.volumes ?? []).map((mount) => mount.volume);
};

function handOnSteps(move: Migration, view: DrainView): Step[] {
  const { gapMs = 0, target = '' } = move.status;
  const { node } = move.spec;
  return volumesOf(move, view.allocs).map((volume) => ({
    ...volumeStep(node, volume, 'volumeHandedOn'),
    text: `volume/${volume}: detached from ${node}, attached to ${target} (gap ${formatDuration(gapMs)})`,
    fields: { volume, target, gapMs },
  }));
}

const volumeStep = (node: string, volume: string, step: string) => ({
  key: `volume ${volume}`,
  node,
  step,
  subject: `volume ${volume}`,
  fields: { volume },
});

/** Tasks that were stopped or came to their end, and services that were stopped by force. */
function stopSteps({ metadata, spec, status }: Alloc, node: string, drain: DrainStatus): Step[] {
  if (status.phase !== 'stopped' && status.phase !== 'failed') return [];
  if (status.finishedAt === undefined || status.finishedAt < drain.startedAt) return [];
  const forced = spec.stopReason === 'DrainForced';
  if (spec.owner.kind === 'Service' && !forced) return [];
  const stopped = spec.desired === 'stopped';
  const how = forced ? 'stopped by force' : stopped ? 'stopped' : 'came to its end by itself';
  const owner = `${spec.owner.kind.toLowerCase()}/${spec.owner.name}`;
  const step = spec.owner.kind === 'Task' ? (stopped ? 'taskStopped' : 'taskEnded') : 'stoppedByForce';
  return [
    {
      key: `stop ${metadata.name}`,
      node,
      step,
      subject: `stop ${metadata.name}`,
      text: `${owner}: ${metadata.name} ${how}`,
      fields: { alloc: metadata.name, owner: spec.owner.name },
    },
  ];
}

/** Milliseconds between two timestamps; undefined where one is missing. */
export const elapsedMs = (from: string | undefined, to: string | undefined): number | undefined =>
  from === undefined || to === undefined ? undefined : Math.max(0, Date.parse(to) - Date.parse(from));
