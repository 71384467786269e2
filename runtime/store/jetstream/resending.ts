/** What has no answer is sent again, after pauses that grow, until the log has moved: so it is asked what became of it. */
import type { Clock } from '../../../api/clock.ts';

/** First pause; it doubles, up to the second. */
const FIRST_MS = 100;
const MOST_MS = 1_000;

export class Resending {
  readonly #clock: Clock;
  readonly #resend: () => void;
  #times = 0;
  #cancel: (() => void) | undefined;
  #isOver = false;
  /** Since when there is no answer, in ms since the epoch; undefined where everything was answered. */
  sinceMs: number | undefined;

  constructor(clock: Clock, resend: () => void) {
    this.#clock = clock;
    this.#resend = resend;
  }

  get isDue(): boolean {
    return this.sinceMs !== undefined;
  }

  begin(): void {
    if (this.#isOver) return;
    this.sinceMs ??= this.#clock.now();
    if (this.#cancel) return;
    const delayMs = Math.min(MOST_MS, FIRST_MS * 2 ** this.#times++);
    this.#cancel = this.#clock.schedule(delayMs, () => {
      this.#cancel = undefined;
      this.#resend();
    });
  }

  /** The log moved, and has not told of everything yet. */
  goOn(): void {
    this.sinceMs = this.#clock.now();
  }

  end(): void {
    this.sinceMs = undefined;
    this.#times = 0;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** For good. */
  close(): void {
    this.#isOver = true;
    this.end();
  }
}
