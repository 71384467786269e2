/** Follows a removal until the node is gone, and its peer with it. */

import type { Clock } from '../../clock.ts';
import { formatDuration } from '../../duration.ts';
import type { Node } from '../../kinds/node.ts';
import { EXIT } from '../exit.ts';
import type { Feed, Mirror } from './mirror.ts';
import type { FollowEnd, Follower, Step } from './step.ts';

/** What a removal of these nodes is read from. */
export function removeFeeds(nodes: readonly string[]): Feed[] {
  const [node] = nodes;
  const only = (field: string) => (nodes.length === 1 ? { fieldSelector: `${field}=${node}` } : {});
  return [
    { kind: 'Node', ...only('metadata.name') },
    { kind: 'Peer', ...only('spec.node') },
  ];
}

export class RemoveFollower implements Follower {
  readonly node: string;
  readonly #uid: string;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  #hadPeer = false;

  constructor(requested: Node, clock: Clock) {
    this.node = requested.metadata.name;
    this.#uid = requested.metadata.uid;
    this.#clock = clock;
    this.#startedAtMs = clock.now();
  }

  headline(): string {
    return `node/${this.node} is being removed`;
  }

  steps(mirror: Mirror): readonly Step[] {
    const subject = `node/${this.node}`;
    const step = (word: string, text: string): Step => ({
      key: word,
      node: this.node,
      step: word,
      subject,
      text,
    });
    const steps = [step('removing', `${subject} removal accepted`)];
    const hasPeer = this.#hasPeer(mirror);
    this.#hadPeer ||= hasPeer;
    if (this.#hadPeer && !hasPeer) steps.push(step('unpeered', `${subject} withdrawn from the mesh`));
    if (!this.#find(mirror)) steps.push(step('deleted', `${subject} deleted`));
    return steps;
  }

  end(mirror: Mirror): FollowEnd | undefined {
    const node = this.#find(mirror);
    if (node && !node.spec.removed) {
      const errors = [
        `mill: removal of ${this.node} was cancelled: its spec.removed was set to false meanwhile`,
      ];
      return { result: 'cancelled', exitCode: EXIT.failed, errors };
    }
    if (node || this.#hasPeer(mirror)) return undefined;
    const took = formatDuration(this.#clock.now() - this.#startedAtMs);
    return { result: 'removed', exitCode: EXIT.done, text: `node/${this.node} removed (${took})` };
  }

  #find(mirror: Mirror): Node | undefined {
    const node = mirror.get('Node', this.node);
    return node?.metadata.uid === this.#uid ? node : undefined;
  }

  #hasPeer(mirror: Mirror): boolean {
    return mirror.list('Peer').some(({ spec }) => spec.node === this.node);
  }
}
