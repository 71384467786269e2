/** Time that stands still until a test moves it: timers run in the order of their times, each with its work done. */
import type { Clock } from '../../api/clock.ts';

/** When tests begin; any fixed time would do. */
export const START_MS = Date.parse('2030-01-01T00:00:00.000Z');

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  #nowMs: number;
  #timers: Timer[] = [];

  constructor(startMs = START_MS) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** When the next timer is due. */
  get nextMs(): number | undefined {
    return this.#next()?.atMs;
  }

  /**
   * Moves time on, running what becomes due in order.
   * @param settle waits until what a timer set off has been done; by default promises that are ready
   */
  async advance(ms: number, settle: () => Promise<void> = flushMicrotasks): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let timer = this.#next(); timer && timer.atMs <= untilMs; timer = this.#next()) {
      this.#timers = this.#timers.filter((each) => each !== timer);
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.callback();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  /** Time passes in which nothing runs, as on a machine that is paused; what became due meanwhile runs late, at the end. */
  async standStill(ms: number, settle: () => Promise<void> = flushMicrotasks): Promise<void> {
    this.#nowMs += ms;
    await this.advance(0, settle);
  }

  /** The earliest timer; of several, the one that was set first. */
  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (!next || timer.atMs < next.atMs) next = timer;
    return next;
  }
}

/** Lets every promise that is ready go on, and what they make ready. */
export const flushMicrotasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
