/** One timer for all who wait: it rings when the first of them has waited long enough. */
import type { Clock } from '../../../api/clock.ts';
import type { Waiting } from './flight.ts';

export class Deadline {
  readonly #clock: Clock;
  readonly #waiting: () => readonly Waiting[];
  readonly #onLate: (nowMs: number) => void;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, waiting: () => readonly Waiting[], onLate: (nowMs: number) => void) {
    this.#clock = clock;
    this.#waiting = waiting;
    this.#onLate = onLate;
  }

  /** Somebody new waits. */
  arm(): void {
    if (this.#cancel) return;
    const nowMs = this.#clock.now();
    const open = this.#waiting().filter(({ deadlineMs }) => deadlineMs > nowMs);
    const [first] = open;
    if (!first) return;
    const firstMs = open.reduce((least, { deadlineMs }) => Math.min(least, deadlineMs), first.deadlineMs);
    this.#cancel = this.#clock.schedule(firstMs - nowMs, () => {
      this.#cancel = undefined;
      this.#onLate(this.#clock.now());
      this.arm();
    });
  }

  close(): void {
    this.#cancel?.();
  }
}

export const isLate = ({ deadlineMs }: Waiting, nowMs: number): boolean => deadlineMs <= nowMs;
