/** The time of one process: it can be set, stand still, and end. */
import type { Clock } from '../../../api/clock.ts';

export class ServerTime implements Clock {
  readonly #world: Clock;
  offsetMs = 0;
  isAlive = true;
  #late: (() => void)[] | undefined;

  constructor(world: Clock) {
    this.#world = world;
  }

  now(): number {
    return this.#world.now() + this.offsetMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    let isCancelled = false;
    const run = () => {
      if (!this.isAlive || isCancelled) return;
      if (this.#late) this.#late.push(run);
      else callback();
    };
    const cancel = this.#world.schedule(delayMs, run);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  pause(): void {
    this.#late = [];
  }

  resume(): void {
    const late = this.#late ?? [];
    this.#late = undefined;
    for (const callback of late) callback();
  }

  end(): void {
    this.isAlive = false;
  }
}
