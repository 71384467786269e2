/** What was placed on paper and is not in the store yet: it takes room, and counts for the spread of its owner. */
import type { Template } from '../../api/kinds/template.ts';
import { plus, requestOf, type Usage } from '../../api/kinds/usage.ts';

export class Reservations {
  readonly #byNode = new Map<string, Usage>();
  readonly #byOwner = new Map<string, number>();

  /** Takes the room of one alloc of `template` on the node. */
  add(node: string, ownerUid: string, template: Template): void {
    const request = requestOf(template);
    const before = this.#byNode.get(node);
    this.#byNode.set(node, before ? plus(before, request) : request);
    this.#byOwner.set(key(node, ownerUid), this.ofOwner(node, ownerUid) + 1);
  }

  /** What is reserved on the node; undefined where nothing is. */
  on(node: string): Usage | undefined {
    return this.#byNode.get(node);
  }

  /** How many allocs of an owner are reserved on the node. */
  ofOwner(node: string, ownerUid: string): number {
    return this.#byOwner.get(key(node, ownerUid)) ?? 0;
  }
}

const key = (node: string, ownerUid: string): string => `${node}/${ownerUid}`;
