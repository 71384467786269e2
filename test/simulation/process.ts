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
  readonly #onDeath = new Set<() => void>();
  #stepsLeft: number | undefined;
  #crash: () => void = () => {};
  /** While it is stopped: timers that went off, and what came in, in the order in which it will see them. */
  #late: { readonly timers: (() => void)[]; readonly arrivals: (() => void)[] } | undefined;

  constructor(options: { name: string; timeline: Timeline; random: Random; time: ClockError }) {
    const { name, timeline, random, time } = options;
    this.name = name;
    this.timeline = timeline;
    this.random = random;
    this.clock = {
      now: () => Math.floor(timeline.nowMs + time.offsetMs),
      schedule: (delayMs, callback) => this.#timer(delayMs * time.rate, callback),
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

  get isPaused(): boolean {
    return this.#late !== undefined;
  }

  /** SIGSTOP: whatever happens meanwhile it learns when it goes on. */
  pause(): void {
    this.#late ??= { timers: [], arrivals: [] };
  }

  /** SIGCONT: as in Node, timers go off before anything is read. */
  resume(): void {
    const next = this.#late?.timers.shift() ?? this.#late?.arrivals.shift();
    if (!next || !this.isAlive) {
      this.#late = undefined;
      return;
    }
    next();
    this.timeline.after(0, () => this.resume());
  }

  /** Something comes in from outside: it is seen at once, or when the process goes on. */
  receive(callback: () => void): void {
    if (!this.isAlive) return;
    if (this.#late) this.#late.arrivals.push(callback);
    else callback();
  }

  /** Resolves when it runs; never where it is dead. */
  running(): Promise<void> {
    return new Promise((resolve) => this.receive(resolve));
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
    await this.running();
    return this.step() ? result : never();
  }

  #timer(delayMs: number, callback: () => void): () => void {
    let isCancelled = false;
    const fire = () => {
      if (!isCancelled) callback();
    };
    const cancel = this.timeline.after(delayMs, () => {
      if (!this.isAlive) return;
      if (this.#late) this.#late.timers.push(fire);
      else fire();
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }
}

/** How wrong the clock of a machine is. */
export interface ClockError {
  offsetMs: number;
  /** Real time of a timer to what it was set to. */
  rate: number;
}
