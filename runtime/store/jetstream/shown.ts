/** Who waits until this server's copy shows what another has committed. */
import type { Clock } from '../../../api/clock.ts';
import { ApiError } from '../../../api/errors.ts';
import type { Reader } from '../../../api/store.ts';

/** Longest that a caller waits. */
const WAIT_MS = 5_000;

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
}

export class Shown {
  readonly #state: Reader;
  readonly #clock: Clock;
  #waiters: Waiter[] = [];

  constructor(state: Reader, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** Resolves when the state shows a revision. @throws ApiError Timeout where that takes too long */
  at(revision: number): Promise<void> {
    if (this.#state.revision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.schedule(WAIT_MS, () => {
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
        const message = `it was committed at revision ${revision}, which this server has not seen yet`;
        reject(new ApiError('Timeout', message));
      });
      const waiter: Waiter = {
        revision,
        resolve: () => {
          cancel();
          resolve();
        },
      };
      this.#waiters.push(waiter);
    });
  }

  /** The state has moved on. */
  look(): void {
    if (this.#waiters.length === 0) return;
    const { revision } = this.#state;
    const due = this.#waiters.filter((waiter) => waiter.revision <= revision);
    this.#waiters = this.#waiters.filter((waiter) => waiter.revision > revision);
    for (const { resolve } of due) resolve();
  }
}
