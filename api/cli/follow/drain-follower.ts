/** Follows a drain to its end: drained, failed, cancelled by someone, or the node is gone. */
import { formatDuration } from '../../duration.ts';
import type { DrainStatus, Node } from '../../kinds/node.ts';
import { EXIT } from '../exit.ts';
import { drainSteps, elapsedMs, failureText } from './drain-steps.ts';
import type { Feed, Mirror } from './mirror.ts';
import { count, type FollowEnd, type Follower, type Step } from './step.ts';

/** What a drain of these nodes is read from. Of one node only what is on it; of several, all. */
export function drainFeeds(nodes: readonly string[]): Feed[] {
  const [node] = nodes;
  const only = (field: string) => (nodes.length === 1 ? { fieldSelector: `${field}=${node}` } : {});
  return [
    { kind: 'Node', ...only('metadata.name') },
    { kind: 'Migration', ...only('spec.node') },
    { kind: 'Alloc', ...only('spec.node') },
    { kind: 'Volume', ...only('status.node') },
  ];
}

export class DrainFollower implements Follower {
  readonly node: string;
  readonly #uid: string;
  readonly #generation: number;
  readonly #attached = new Set<string>();

  /** @param requested the node as the request left it: reports about an older generation are not believed */
  constructor(requested: Node) {
    this.node = requested.metadata.name;
    this.#uid = requested.metadata.uid;
    this.#generation = requested.metadata.generation;
  }

  headline(mirror: Mirror): string {
    const drain = this.#report(this.#find(mirror));
    if (!drain) return `node/${this.node} drain requested`;
    const part = ({ done, total }: { done: number; total: number }, word: string) =>
      total > 0 ? `  ${word} ${done}/${total}` : '';
    const { step, services, tasks, volumes } = drain;
    return `node/${this.node} ${step}${part(services, 'services')}${part(tasks, 'tasks')}${part(volumes, 'volumes')}`;
  }

  steps(mirror: Mirror): readonly Step[] {
    const here = mirror.list('Volume').filter(({ status }) => status.node === this.node);
    const attached = new Set(here.map(({ metadata }) => metadata.name));
    for (const name of attached) this.#attached.add(name);
    const node = this.#find(mirror);
    const drain = this.#report(node);
    if (!node || !drain) return [];
    return drainSteps({
      node,
      drain,
      migrations: mirror.list('Migration').filter(({ spec }) => spec.node === this.node),
      allocs: mirror.list('Alloc').filter(({ spec }) => spec.node === this.node),
      detached: [...this.#attached].filter((name) => !attached.has(name)),
    });
  }

  end(mirror: Mirror): FollowEnd | undefined {
    const node = this.#find(mirror);
    if (!node) {
      const text = `node/${this.node} was removed meanwhile: nothing was left on it`;
      return { result: 'removed', exitCode: EXIT.done, text };
    }
    if (!node.spec.drain) {
      return {
        result: 'cancelled',
        exitCode: EXIT.failed,
        errors: [`mill: drain of ${this.node} was cancelled: its spec.drain was set to false meanwhile`],
      };
    }
    const drain = this.#report(node);
    if (drain?.step === 'drained') return drainedEnd(this.node, drain, forcedOf(this.node, drain, mirror));
    if (drain?.step === 'failed') return failedEnd(node, drain);
    return undefined;
  }

  /** Undefined where it is gone; another node of the same name is another node. */
  #find(mirror: Mirror): Node | undefined {
    const node = mirror.get('Node', this.node);
    return node?.metadata.uid === this.#uid ? node : undefined;
  }

  /** What the controller says of this very request; right after it, the status may tell of an earlier one. */
  #report(node: Node | undefined): DrainStatus | undefined {
    if (!node || (node.status.observedGeneration ?? 0) < this.#generation) return undefined;
    const { drain } = node.status;
    return drain?.attempt === node.spec.drainPolicy.attempt ? drain : undefined;
  }
}

/** How many allocs of services this drain stopped by force. */
const forcedOf = (node: string, drain: DrainStatus, mirror: Mirror): number =>
  mirror
    .list('Alloc')
    .filter(({ spec }) => spec.node === node && spec.stopReason === 'DrainForced')
    .filter(({ status }) => (status.finishedAt ?? '') >= drain.startedAt).length;

/** The last line of a drain that is done. @param forced how many of its services were not migrated, but stopped */
export function drainedEnd(node: string, drain: DrainStatus, forced = 0): FollowEnd {
  const { services, tasks, volumes } = drain;
  const migrated = services.done - forced;
  const parts = [
    ...(migrated > 0 ? [`${count(migrated, 'service')} migrated`] : []),
    ...(forced > 0 ? [`${count(forced, 'service')} stopped by force`] : []),
    ...(tasks.done > 0 ? [`${count(tasks.done, 'task')} stopped`] : []),
    ...(volumes.done > 0 ? [`${count(volumes.done, 'volume')} handed on`] : []),
  ];
  const tookMs = elapsedMs(drain.startedAt, drain.finishedAt);
  const took = tookMs === undefined ? '' : ` (${formatDuration(tookMs)})`;
  const what = parts.length > 0 ? parts.join(', ') : 'nothing was on it';
  return { result: 'drained', exitCode: EXIT.done, text: `node/${node} drained: ${what}${took}` };
}

function failedEnd(node: Node, drain: DrainStatus): FollowEnd {
  const { name } = node.metadata;
  const condition = node.status.conditions.find(
    ({ type, status, message }) => type === 'Drained' && status !== 'True' && message !== '',
  );
  const reasons =
    drain.failures.length > 0
      ? drain.failures.map(failureText)
      : [condition ? `${condition.reason}: ${condition.message}` : 'no reason was given'];
  return {
    result: 'failed',
    exitCode: EXIT.failed,
    errors: [
      ...reasons.map((reason) => `mill: drain of ${name} failed: ${reason}`),
      `What could not move runs on; ${name} takes no new work. Next:`,
      `  mill drain ${name}           try again what could not be moved`,
      `  mill drain ${name} --force   stop what cannot be moved`,
      `  mill undrain ${name}         cancel: it takes new work again`,
    ],
  };
}
