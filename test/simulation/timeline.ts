/** Virtual time for a whole cluster: a queue of what is due, in one order for one seed. */

/** When every simulated cluster begins; any fixed time would do. */
const START_MS = Date.parse('2030-01-01T00:00:00.000Z');

/**
 * So many events go by until Node is let look for promises that were rejected while nobody waited for them: it ends the
 * process then, as it would end mill's. To let it look after each would take longer than most events.
 */
const LOOK_EVERY_EVENTS = 32;

interface Entry {
  readonly atMs: number;
  /** Of two that are due at the same time, the one that was set first goes first. */
  readonly order: number;
  callback: (() => void) | undefined;
}

export class Timeline {
  readonly #heap: Entry[] = [];
  #deferred: (() => void)[] = [];
  #nowMs = START_MS;
  #order = 0;
  /** How many callbacks have run. */
  fired = 0;
  /** One is enough where nothing but promises goes on by itself. */
  ticksToSettle = 1;

  /** Milliseconds since the Unix epoch, with fractions. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Milliseconds since the beginning. */
  get elapsedMs(): number {
    return this.#nowMs - START_MS;
  }

  /** Calls back once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void {
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#push(entry);
    return () => {
      entry.callback = undefined;
    };
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  /** Calls back at the same time, when every promise that is ready has gone on. */
  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /**
   * Runs what becomes due, each with all its promises, until `elapsedMs` or until `afterEach` says that it is over.
   * @returns false where it was ended by `afterEach`
   */
  async runUntil(elapsedMs: number, afterEach: () => boolean): Promise<boolean> {
    await this.#settle();
    if (afterEach()) return false;
    for (let entry = this.#heap[0]; entry && entry.atMs - START_MS <= elapsedMs; entry = this.#heap[0]) {
      this.#pop();
      const { callback } = entry;
      if (!callback) continue;
      this.#nowMs = Math.max(this.#nowMs, entry.atMs);
      this.fired += 1;
      callback();
      await this.#settle();
      if (afterEach()) return false;
    }
    this.#nowMs = Math.max(this.#nowMs, START_MS + elapsedMs);
    return true;
  }

  /** Lets every promise that is ready go on, and what they make ready. No time passes in the cluster. */
  async #settle(): Promise<void> {
    if (this.fired % LOOK_EVERY_EVENTS === 0) await looked();
    await this.#settled();
    while (this.#deferred.length > 0) {
      for (const callback of this.#deferred.splice(0)) callback();
      await this.#settled();
    }
  }

  async #settled(): Promise<void> {
    for (let ticks = 0; ticks < this.ticksToSettle; ticks++) await ticked();
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (!above || isBefore(above, entry)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      if (!left) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** A tick comes when no promise is left that could go on. */
const ticked = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
const looked = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
