/** Follows a node whose drain was cancelled, until it is ready again and nothing of the drain is under way. */
import { isFinished } from '../../kinds/migration.ts';
import type { Node } from '../../kinds/node.ts';
import { EXIT } from '../exit.ts';
import type { Feed, Mirror } from './mirror.ts';
import { count, type FollowEnd, type Follower, type Step } from './step.ts';

/** What an undrain of these nodes is read from. */
export function undrainFeeds(nodes: readonly string[]): Feed[] {
  const [node] = nodes;
  const only = (field: string) => (nodes.length === 1 ? { fieldSelector: `${field}=${node}` } : {});
  return [
    { kind: 'Node', ...only('metadata.name') },
    { kind: 'Migration', ...only('spec.node') },
  ];
}

export class UndrainFollower implements Follower {
  readonly node: string;
  readonly #generation: number;

  constructor(requested: Node) {
    this.node = requested.metadata.name;
    this.#generation = requested.metadata.generation;
  }

  headline(mirror: Mirror): string {
    return `node/${this.node} ${mirror.get('Node', this.node)?.status.phase ?? 'gone'}`;
  }

  steps(mirror: Mirror): readonly Step[] {
    const base = { node: this.node, subject: `node/${this.node}` };
    const steps: Step[] = [
      { ...base, key: 'cancelled', step: 'undrain', text: `node/${this.node} drain is off` },
    ];
    const open = this.#unfinished(mirror);
    if (open.length > 0) {
      const text = `node/${this.node} waits for ${count(open.length, 'move')} to finish or to be undone: ${open.join(', ')}`;
      steps.push({ ...base, key: `waits ${open.join()}`, step: 'waiting', text, fields: { allocs: open } });
    }
    return steps;
  }

  end(mirror: Mirror): FollowEnd | undefined {
    const node = mirror.get('Node', this.node);
    const refused = (why: string): FollowEnd => ({
      result: 'failed',
      exitCode: EXIT.failed,
      errors: [`mill: undrain of ${this.node} failed: ${why}`],
    });
    if (!node) return { ...refused('the node was removed meanwhile'), result: 'removed' };
    if (node.spec.drain) return refused('somebody drains it again');
    if ((node.status.observedGeneration ?? 0) < this.#generation) return undefined;
    if (this.#unfinished(mirror).length > 0) return undefined;
    if (node.status.phase === 'down') return refused('its drain is cancelled, but the node is down');
    if (node.status.phase !== 'ready') return undefined;
    const text = node.spec.unschedulable
      ? `node/${this.node} ready, still cordoned: mill uncordon ${this.node} lets it take new work`
      : `node/${this.node} ready`;
    return { result: 'cancelled', exitCode: EXIT.done, text };
  }

  #unfinished(mirror: Mirror): string[] {
    return mirror
      .list('Migration')
      .filter((move) => move.spec.node === this.node && move.spec.reason === 'drain' && !isFinished(move))
      .map((move) => move.spec.alloc);
  }
}
