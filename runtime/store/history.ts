/** The latest changes, so that a watcher that was away can go on where it stopped. Bounded: older is `Expired`. */
import { ApiError } from '../../api/errors.ts';
import { isEphemeral, KIND_NAMES, type KindName } from '../../api/kinds/index.ts';
import type { Change } from '../../api/store.ts';

/**
 * Changes kept, of objects and of ephemeral ones each. A change keeps up to two objects alive (some KiB); at a
 * hundred changes a second this is over a minute, longer than a watcher takes to connect again.
 */
export const DEFAULT_HISTORY_LIMIT = 8_192;

/** Heartbeats come all the time: they have a ring of their own, so that they do not push out the changes that matter. */
export class History {
  readonly #durable: Ring;
  readonly #ephemeral: Ring;

  /**
   * @param limit most changes kept, of either sort
   * @param floor revision from which on all changes of durable kinds will be recorded
   */
  constructor(limit: number, floor: number) {
    this.#durable = new Ring(limit, floor);
    this.#ephemeral = new Ring(limit, floor);
  }

  record(change: Change): void {
    (isEphemeral(change.object.kind) ? this.#ephemeral : this.#durable).push(change);
  }

  /** Ephemeral objects vanished without a word (a restart): who saw them before has to list again. */
  forgetEphemeral(revision: number): void {
    this.#ephemeral.clear(revision);
  }

  /**
   * The changes after a revision, in order.
   * @throws ApiError `Expired` where some of them are not kept any more
   */
  since(after: number, kinds: ReadonlySet<KindName>): Change[] {
    const wanted = [...kinds];
    const durable = wanted.every(isEphemeral) ? [] : this.#durable.since(after);
    const ephemeral = wanted.some(isEphemeral) ? this.#ephemeral.since(after) : [];
    const changes = ephemeral.length === 0 ? durable : [...durable, ...ephemeral].sort(byRevision);
    return kinds.size === KIND_NAMES.length
      ? changes
      : changes.filter((change) => kinds.has(change.object.kind));
  }
}

const byRevision = (a: Change, b: Change) => a.revision - b.revision;

/** The last changes, overwritten in a circle. */
class Ring {
  readonly #limit: number;
  #changes: Change[] = [];
  /** Where the oldest change is, once the ring is full. */
  #start = 0;
  /** All changes after this revision are here. */
  #floor: number;

  constructor(limit: number, floor: number) {
    this.#limit = limit;
    this.#floor = floor;
  }

  push(change: Change): void {
    if (this.#limit === 0) {
      this.#floor = change.revision;
    } else if (this.#changes.length < this.#limit) {
      this.#changes.push(change);
    } else {
      this.#floor = this.#changes[this.#start]?.revision ?? this.#floor;
      this.#changes[this.#start] = change;
      this.#start = (this.#start + 1) % this.#limit;
    }
  }

  clear(floor: number): void {
    this.#changes = [];
    this.#start = 0;
    this.#floor = floor;
  }

  since(after: number): Change[] {
    if (after < this.#floor) {
      throw new ApiError(
        'Expired',
        `changes after revision ${after} are not kept any more, only those after ${this.#floor}; list again`,
      );
    }
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#at(middle)?.revision ?? 0) > after) high = middle;
      else low = middle + 1;
    }
    const from = this.#start + low;
    const length = this.#changes.length;
    if (from >= length) return this.#changes.slice(from - length, this.#start);
    return [...this.#changes.slice(from), ...this.#changes.slice(0, this.#start)];
  }

  #at(position: number): Change | undefined {
    return this.#changes[(this.#start + position) % this.#changes.length];
  }
}
