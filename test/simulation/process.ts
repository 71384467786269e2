/** A process that may die between any two steps: its timers and its calls then come to nothing. */
import type { Clock } from '../../api/clock.ts';
import type { Random } from './randomness.ts';
import type { Timeline } from './timeline.ts';

/** What is awaited by somebody who is dead. */
export const never = <T>(): Promise<T> => new Promise<T>(() => {});

export class SimulatedProcess {
  readonly name: string;
  readonly random: Random;
  readonly clock: Clock;
  readonly timeline: Timeline;
  isAlive = true;
  readonly #time: ClockError;
  readonly #onDeath = new Set<() => void>();
  #stepsLeft: number | undefined;
  #crash: () => void = () => {};

  constructor(options: { name: string; timeline: Timeline; random: Random; time: ClockError }) {
    const { name, timeline, random, time } = options;
    this.name = name;
    this.timeline = timeline;
    this.random = random;
    this.#time = time;
    this.clock = {
      now: () => Math.floor(timeline.nowMs + time.offsetMs),
      schedule: (delayMs, callback) =>
        timeline.after(delayMs * this.#time.rate, () => {
          if (this.isAlive) callback();
        }),
    };
  }

  /** `crash` is called when the process has taken so many more steps. */
  crashAfter(steps: number, crash: () => void): void {
    this.#stepsLeft = steps;
    this.#crash = crash;
  }

  /** Between two steps of what the process does with the world. @returns false where it died just now, or before */
  step(): boolean {
    if (this.isAlive && this.#stepsLeft !== undefined && --this.#stepsLeft <= 0) {
      this.#stepsLeft = undefined;
      this.#crash();
    }
    return this.isAlive;
  }

  /** Calls back when it dies; the returned function cancels. */
  onDeath(callback: () => void): () => void {
    this.#onDeath.add(callback);
    return () => this.#onDeath.delete(callback);
  }

  kill(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    for (const callback of [...this.#onDeath]) callback();
    this.#onDeath.clear();
  }

  /** A call of something outside that takes time: it may fail, and the process may die before, during and after it. */
  async call<T>(delayMs: number, effect: () => T): Promise<T> {
    if (!this.step()) return never();
    await this.timeline.wait(delayMs);
    if (!this.isAlive) return never();
    const result = effect();
    return this.step() ? result : never();
  }
}

/** How wrong the clock of a machine is. */
export interface ClockError {
  offsetMs: number;
  /** Real time of a timer to what it was set to. */
  rate: number;
}
