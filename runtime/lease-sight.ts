/**
 * For how long no heartbeat of a lease's holder was seen, by this process's own clock. What the lease says of the time is its holder's
 * word: clocks differ, are set, and an old heartbeat may arrive after a newer one.
 */
import type { Clock } from '../api/clock.ts';
import type { Lease } from '../api/kinds/lease.ts';
import type { Store } from '../api/store.ts';
import { steadyClock } from './steady-clock.ts';

export interface LeaseTimes {
  /**
   * When the lease runs out unless it is renewed, in ms since the epoch. One that was there at the start counts from then:
   * nobody knows how old it was.
   */
  expiryMs(lease: Lease): number;
  /** Whether its holder was heard since the start. */
  hasHeard(lease: Lease): boolean;
}

export class LeaseSight implements LeaseTimes {
  readonly #clock: Clock;
  readonly #steady: Clock;
  readonly #startedMs: number;
  /** When each was seen first, by the steady clock; a renewed lease is another object. */
  readonly #seenMs = new WeakMap<Lease, number>();

  /** Looks on for as long as the store is open. */
  constructor(store: Pick<Store, 'subscribe'>, clock: Clock) {
    this.#clock = clock;
    this.#steady = steadyClock(clock);
    this.#startedMs = this.#steady.now();
    store.subscribe({ kinds: ['Lease'], signal: new AbortController().signal }, ({ object, type }) => {
      if (object.kind === 'Lease' && type !== 'deleted') this.#seenMs.set(object, this.#steady.now());
    });
  }

  expiryMs(lease: Lease): number {
    const silentMs = this.#steady.now() - (this.#seenMs.get(lease) ?? this.#startedMs);
    return this.#clock.now() + lease.spec.durationMs - silentMs;
  }

  hasHeard(lease: Lease): boolean {
    return this.#seenMs.has(lease);
  }
}
