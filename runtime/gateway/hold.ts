/** Keeps requests and connections waiting while a service port has no backend. */
import type { Clock } from '../../api/clock.ts';

/**
 * How long a request waits for a backend. Milliseconds; a volume's hand-over fits, even one in whose middle NATS elects a
 * leader (8 s) and the servers share their work anew (3 s, twice); most clients wait longer.
 */
export const DEFAULT_HOLD_MS = 25_000;

/** Most requests that wait on one service port: each holds a client socket and its headers in memory. */
export const MAX_HELD_PER_PORT = 1_024;

export type HoldOutcome = 'released' | 'expired' | 'overfull' | 'closed';

export class HoldQueue {
  readonly #waiting = new Set<(outcome: HoldOutcome) => void>();
  readonly #clock: Clock;
  readonly #holdMs: number;

  constructor(clock: Clock, holdMs: number) {
    this.#clock = clock;
    this.#holdMs = holdMs;
  }

  /** Calls `settle` once: at once when the queue is full, else on `releaseAll` or after `holdMs`. Returns a cancel. */
  wait(settle: (outcome: HoldOutcome) => void): () => void {
    if (this.#waiting.size >= MAX_HELD_PER_PORT) {
      settle('overfull');
      return () => {};
    }
    const cancel = () => {
      cancelTimer();
      this.#waiting.delete(finish);
    };
    const finish = (outcome: HoldOutcome) => {
      cancel();
      settle(outcome);
    };
    const cancelTimer = this.#clock.schedule(this.#holdMs, () => finish('expired'));
    this.#waiting.add(finish);
    return cancel;
  }

  /** First come, first served. */
  releaseAll(outcome: HoldOutcome): void {
    for (const finish of [...this.#waiting]) finish(outcome);
  }
}
