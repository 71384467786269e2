/** Tells when a time that keeps moving on has stood still for too long: a contact that is lost. */
import type { Clock } from '../api/clock.ts';

/** Looks again when it would be due, instead of being set anew with each contact. */
export class Watchdog {
  isLost = false;
  readonly #clock: Clock;
  readonly #afterMs: number;
  readonly #callback: () => void;
  readonly #lastContactMs: () => number;
  #cancel = () => {};

  constructor(clock: Clock, afterMs: number, callback: () => void, lastContactMs: () => number) {
    this.#clock = clock;
    this.#afterMs = afterMs;
    this.#callback = callback;
    this.#lastContactMs = lastContactMs;
  }

  arm(): void {
    this.isLost = false;
    this.disarm();
    this.#look();
  }

  disarm(): void {
    this.#cancel();
  }

  #look(): void {
    const leftMs = this.#lastContactMs() + this.#afterMs - this.#clock.now();
    if (leftMs > 0) {
      this.#cancel = this.#clock.schedule(leftMs, () => this.#look());
    } else {
      this.isLost = true;
      this.#callback();
    }
  }
}
