/**
 * A keyed work queue: a key waits at most once, is never worked on twice at a time, and comes back with backoff
 * when its work throws. It carries keys, never events: whoever works looks at the state afresh.
 */
import type { Clock } from '../../api/clock.ts';

/** First delay after a failure; it doubles with each further one. */
const BACKOFF_FIRST_MS = 20;
/** Long enough not to hammer a broken dependency, short enough to be there soon after it recovers. */
const BACKOFF_MAX_MS = 15_000;
/** How many keys of one controller are worked on at a time. */
const DEFAULT_CONCURRENCY = 16;

export interface QueueOptions {
  readonly clock: Clock;
  /** 0 ≤ n < 1, for jitter. */
  readonly random: () => number;
  readonly concurrency?: number;
  /** Does the work of a key. A throw brings the key back with backoff. */
  readonly work: (key: string) => Promise<void>;
  readonly onError: (key: string, error: unknown, retryInMs: number) => void;
}

export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #dirty = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { readonly atMs: number; readonly cancel: () => void }>();
  #closed = false;
  #pumpScheduled = false;
  #onIdle: (() => void)[] = [];

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Works on the key soon; once more if it is being worked on right now. */
  add(key: string): void {
    if (this.#closed) return;
    if (this.#working.has(key)) this.#dirty.add(key);
    else this.#waiting.add(key);
    this.#schedulePump();
  }

  /** Adds the key at a time (milliseconds since the epoch); the earliest of several wins. */
  addAt(key: string, atMs: number): void {
    if (this.#closed) return;
    const timer = this.#timers.get(key);
    if (timer && timer.atMs <= atMs) return;
    timer?.cancel();
    const { clock } = this.#options;
    const cancel = clock.schedule(Math.max(0, atMs - clock.now()), () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { atMs, cancel });
  }

  /** Keys that wait or are worked on now; those that wait for a time do not count. */
  get size(): number {
    return this.#waiting.size + this.#working.size;
  }

  /** Resolves when no key waits or is worked on; those that wait for a time do not count. */
  async idle(): Promise<void> {
    if (this.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Takes no further work and resolves when what is under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    this.#dirty.clear();
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
    if (this.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    await this.idle();
  }

  /** Not in the caller's stack: the caller may be a store's fan-out, which must not be held up. */
  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    queueMicrotask(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    const limit = this.#options.concurrency ?? DEFAULT_CONCURRENCY;
    for (const key of this.#waiting) {
      if (this.#working.size >= limit) return;
      this.#waiting.delete(key);
      this.#working.add(key);
      void this.#run(key);
    }
  }

  async #run(key: string): Promise<void> {
    try {
      await this.#options.work(key);
      this.#failures.delete(key);
    } catch (error) {
      this.#retry(key, error);
    } finally {
      this.#working.delete(key);
      if (this.#dirty.delete(key)) this.#waiting.add(key);
      if (this.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
      if (this.#waiting.size > 0 && !this.#closed) this.#schedulePump();
    }
  }

  #retry(key: string, error: unknown): void {
    const { clock, random, onError } = this.#options;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delayMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (failures - 1)) * (0.5 + random() / 2);
    onError(key, error, delayMs);
    this.addAt(key, clock.now() + delayMs);
  }
}
