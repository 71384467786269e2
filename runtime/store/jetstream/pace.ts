/**
 * How fast one replica takes records that go out without waiting for one another. A server that syncs each of them to its disk takes
 * many together several times as fast; one that does not is slower with them (decision 0010). Clients are not told which it is.
 */
import type { Clock } from '../../../api/clock.ts';

/** A batch costs about 3 ms, of few records or of many (measured): what waits for longer one by one is better off together. */
const SLOW_MS = 3;
/** So many slow answers, less two for each that was not: a disk, or a machine, that was busy for a moment is not slow. */
const SLOW_ANSWERS = 512;
/** After that the other way is tried again. */
const TOGETHER_MS = 5_000;
/** For so long after that fewer slow answers are enough: what the disk is like is known. */
const REMEMBERED_MS = 60_000;
const SLOW_ANSWERS_AGAIN = 64;
/** So few records take less time one by one, also where each is synced. */
const FEW_RECORDS = 8;
/** So many times in a row few records went together: what was under way at once is done. */
const FEW_TIMES = 4;

export class Pace {
  readonly #clock: Clock;
  #slowAnswers = 0;
  #togetherUntilMs = 0;
  #fewTimes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether records are to be sent together for now. */
  get isTogether(): boolean {
    return this.#togetherUntilMs > 0 && this.#clock.now() < this.#togetherUntilMs;
  }

  /** A record that was sent without waiting has its answer. */
  answered(sentMs: number): void {
    const nowMs = this.#clock.now();
    this.#slowAnswers =
      nowMs - sentMs >= SLOW_MS ? this.#slowAnswers + 1 : Math.max(0, this.#slowAnswers - 2);
    const isRemembered = nowMs - this.#togetherUntilMs < REMEMBERED_MS;
    if (this.#slowAnswers < (isRemembered ? SLOW_ANSWERS_AGAIN : SLOW_ANSWERS)) return;
    this.#slowAnswers = 0;
    this.#fewTimes = 0;
    this.#togetherUntilMs = nowMs + TOGETHER_MS;
  }

  /** So many records went out together. */
  sent(records: number): void {
    this.#fewTimes = records < FEW_RECORDS ? this.#fewTimes + 1 : 0;
    if (this.#fewTimes >= FEW_TIMES && this.isTogether) this.#togetherUntilMs = this.#clock.now();
  }
}
