/** The members that were unrouted and still have something in flight, each with the time at which that is cut. */
import type { Clock } from '../../api/clock.ts';
import type { Member } from './member.ts';

export class Drains {
  readonly #clock: Clock;
  readonly #cancelTimers = new Map<Member, () => void>();
  readonly #callbacks = new Set<() => void>();
  #isNotifying = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Allocs that are not yet idle, sorted, each once however many of its ports are busy. */
  names(): readonly string[] {
    return [...new Set([...this.#cancelTimers.keys()].map((member) => member.backend.alloc))].sort();
  }

  /** @param timeoutMs - after which what is left on the member is cut */
  add(member: Member, timeoutMs: number): void {
    const { alloc } = member.backend;
    const reason = new Error(`backend ${alloc} was unrouted ${timeoutMs} ms ago: what was left on it is cut`);
    this.#cancelTimers.set(
      member,
      this.#clock.schedule(timeoutMs, () => member.cut(reason)),
    );
    this.#changed();
  }

  delete(member: Member): void {
    this.#cancelTimers.get(member)?.();
    if (this.#cancelTimers.delete(member)) this.#changed();
  }

  /** Does not wait for the timeouts. */
  cut(reason: Error): void {
    for (const member of [...this.#cancelTimers.keys()]) member.cut(reason);
  }

  onChange(callback: () => void): void {
    this.#callbacks.add(callback);
  }

  /** Callers hear of changes after the call that made them is over, so that they may call back into the gateway. */
  #changed(): void {
    if (this.#isNotifying) return;
    this.#isNotifying = true;
    queueMicrotask(() => {
      this.#isNotifying = false;
      for (const callback of this.#callbacks) callback();
    });
  }
}
