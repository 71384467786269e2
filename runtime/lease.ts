/**
 * Keeps a `Lease` alive: the heartbeat of an agent or a gateway, and the news of how far it has followed the store.
 * It also tells its own process when the servers may have given it up, which must come before they do.
 */
import type { Client } from '../api/client/client.ts';
import { type Clock, timestamp } from '../api/clock.ts';
import { hasCause, isApiError, UNKNOWN_HERE } from '../api/errors.ts';
import type { LeaseSpec } from '../api/kinds/lease.ts';
import type { Log } from '../api/log.ts';
import { sameJson } from '../api/same-json.ts';
import { OwnLease } from './own-lease.ts';
import { steadyClock } from './steady-clock.ts';
import { Watchdog } from './watchdog.ts';

/** First pause after a renewal that failed; it doubles. */
const RETRY_FIRST_MS = 50;
/** The longest is this part of the interval: who was away for long enough to be missed is to be heard of soon. */
const RETRY_LONGEST_PART = 1 / 4;
/** So many refusals in a row are needed: one alone may come from a server that is just starting. */
const REJECTIONS_TO_BELIEVE = 3;
/** A server whose copy is behind does not know a node that has just joined at another: it must go on not knowing it. */
const UNKNOWN_TO_BELIEVE_MS = 10_000;

export interface LeaseKeeperOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly name: string;
  readonly holder: LeaseSpec['holder'];
  /** For an agent: its node; for a server: the node that it runs on, where it is one of the fleet. */
  readonly node?: string;
  /** After so long without a renewal the servers take the holder for dead. */
  readonly durationMs: number;
  /** A fraction of `durationMs`. */
  readonly renewEveryMs: number;
  /** Names this run of the process. */
  readonly session: string;
  /** Asked before each renewal: why the holder should not count as alive, though it is; undefined where it should. */
  readonly whyNot?: () => string | undefined;
}

export interface LeaseReport {
  /** Never goes back; a lower one is ignored. */
  readonly appliedRevision?: number;
  readonly draining?: readonly string[];
  readonly problems?: NonNullable<LeaseSpec['problems']>;
  readonly natsServers?: NonNullable<LeaseSpec['natsServers']>;
  readonly leaving?: boolean;
}

export interface LeaseKeeper {
  /** Resolves when the servers have the lease for the first time. */
  readonly held: Promise<void>;
  /** When the last renewal that arrived was sent, by a steady clock: the servers count from no earlier. */
  readonly lastContactMs: number;
  /** Renews at once, where there is news. While a request is under way the newest report waits for it; those between are left out. */
  report(report: LeaseReport): void;
  /** Calls back when nothing has arrived for `afterMs`; again after each time that contact came back. */
  onLost(callback: () => void, afterMs: number): void;
  /** Calls back with each renewal that arrives after the lease was lost. */
  onRegained(callback: () => void): void;
  /** Calls back once when the servers keep refusing the holder: its credential is revoked, its node is gone. */
  onRejected(callback: (error: Error) => void): void;
  /**
   * Ends the renewals. With `release` the lease is deleted, so that nobody waits for it to run out; where no server
   * answers in the time of one renewal, it runs out all the same.
   */
  close(options?: { readonly release?: boolean }): Promise<void>;
}

/** Sends the first renewal at once. */
export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  return new Keeper(options);
}

class Keeper implements LeaseKeeper {
  readonly held: Promise<void>;
  lastContactMs: number;
  readonly #options: LeaseKeeperOptions;
  readonly #own: OwnLease;
  /** What is measured must not depend on what somebody does to the machine's clock. */
  readonly #steady: Clock;
  readonly #watchdogs: Watchdog[] = [];
  readonly #onRejected = new Set<(error: Error) => void>();
  readonly #onRegained = new Set<() => void>();
  readonly #abort = new AbortController();
  #appliedRevision = 0;
  #reported: Omit<LeaseReport, 'appliedRevision'> = { draining: [] };
  #isDue = true;
  #isSending: Promise<void> | undefined;
  #failures = 0;
  #rejections = 0;
  #rejectedSinceMs = 0;
  #cancelTimer = () => {};
  #onHeld: () => void = () => {};

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#own = new OwnLease(options.client, options.name);
    this.#steady = steadyClock(options.clock);
    this.lastContactMs = this.#steady.now();
    this.held = new Promise((resolve) => {
      this.#onHeld = resolve;
    });
    this.#send();
  }

  report(report: LeaseReport): void {
    const { appliedRevision = 0, ...news } = report;
    const reported = { ...this.#reported, ...news };
    if (sameJson(reported, this.#reported) && appliedRevision <= this.#appliedRevision) return;
    this.#appliedRevision = Math.max(this.#appliedRevision, appliedRevision);
    this.#reported = reported;
    this.#isDue = true;
    this.#send();
  }

  onLost(callback: () => void, afterMs: number): void {
    const watchdog = new Watchdog(this.#steady, afterMs, callback, () => this.lastContactMs);
    this.#watchdogs.push(watchdog);
    watchdog.arm();
  }

  onRegained(callback: () => void): void {
    this.#onRegained.add(callback);
  }

  onRejected(callback: (error: Error) => void): void {
    this.#onRejected.add(callback);
  }

  async close({ release = false }: { readonly release?: boolean } = {}): Promise<void> {
    this.#abort.abort();
    this.#cancelTimer();
    for (const watchdog of this.#watchdogs) watchdog.disarm();
    await this.#isSending;
    if (release) await this.#release();
  }

  async #release(): Promise<void> {
    const { log, name, session } = this.#options;
    try {
      await this.#withTimeout((signal) => this.#own.release(session, signal));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.info({ lease: name, reason }, 'the lease could not be released; it runs out by itself');
    }
  }

  /** One request at a time. */
  #send(): void {
    if (this.#isSending || this.#abort.signal.aborted) return;
    this.#cancelTimer();
    this.#isDue = false;
    this.#isSending = this.#renew().then((nextMs) => {
      this.#isSending = undefined;
      if (this.#abort.signal.aborted) return;
      if (this.#isDue && this.#failures === 0) this.#send();
      else this.#cancelTimer = this.#options.clock.schedule(nextMs, () => this.#send());
    });
  }

  /** @returns after how many milliseconds to do it again */
  async #renew(): Promise<number> {
    const { log, renewEveryMs, name } = this.#options;
    const sentMs = this.#steady.now();
    try {
      await this.#withTimeout((signal) => this.#write(signal));
      this.#failures = 0;
      this.#rejections = 0;
      this.#arrived(sentMs);
      return renewEveryMs;
    } catch (error) {
      if (this.#abort.signal.aborted) return renewEveryMs;
      const reason = error instanceof Error ? error.message : String(error);
      log.debug({ lease: name, reason }, 'the lease could not be renewed; it is tried again');
      this.#refused(error);
      return Math.min(
        renewEveryMs * RETRY_LONGEST_PART,
        RETRY_FIRST_MS * 2 ** Math.min(this.#failures++, 16),
      );
    }
  }

  async #write(signal: AbortSignal): Promise<void> {
    const { clock, holder, node, durationMs, session } = this.#options;
    const { draining, problems, natsServers, leaving } = this.#reported;
    const reason = this.#options.whyNot?.();
    if (reason !== undefined) throw new Error(reason);
    const spec = {
      holder,
      ...(node === undefined ? {} : { node }),
      renewTime: timestamp(clock.now()),
      durationMs,
      appliedRevision: this.#appliedRevision,
      draining,
      ...(holder === 'gateway' ? { problems: problems ?? [] } : {}),
      ...(natsServers === undefined ? {} : { natsServers }),
      // Said in any case: the lease may be one that an earlier run of the server left on its way out.
      ...(holder === 'server' ? { leaving: leaving ?? false } : {}),
      session,
    };
    await this.#own.write(spec, signal);
  }

  /** A request that hangs (a network that drops packets) must not keep the next one from going out. */
  async #withTimeout(request: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, renewEveryMs } = this.#options;
    const ended = new AbortController();
    const end = () => ended.abort(this.#abort.signal.reason);
    this.#abort.signal.addEventListener('abort', end, { once: true });
    const cancel = clock.schedule(renewEveryMs, () =>
      ended.abort(new Error(`no answer within ${renewEveryMs} ms`)),
    );
    const hangsUp = new Promise<never>((_, reject) => {
      ended.signal.addEventListener('abort', () => reject(ended.signal.reason), { once: true });
    });
    try {
      await Promise.race([request(ended.signal), hangsUp]);
    } finally {
      cancel();
      this.#abort.signal.removeEventListener('abort', end);
    }
  }

  #arrived(sentMs: number): void {
    this.lastContactMs = sentMs;
    this.#onHeld();
    if (!this.#watchdogs.some((watchdog) => watchdog.isLost)) return;
    for (const watchdog of this.#watchdogs) watchdog.arm();
    for (const callback of this.#onRegained) callback();
  }

  #refused(error: unknown): void {
    if (!isApiError(error, 'Unauthorized') && !isApiError(error, 'Forbidden')) {
      this.#rejections = 0;
      return;
    }
    const nowMs = this.#steady.now();
    if (this.#rejections === 0) this.#rejectedSinceMs = nowMs;
    this.#rejections += 1;
    const mayPass = hasCause(error, UNKNOWN_HERE) && nowMs - this.#rejectedSinceMs < UNKNOWN_TO_BELIEVE_MS;
    if (mayPass || this.#rejections < REJECTIONS_TO_BELIEVE) return;
    for (const callback of this.#onRejected) callback(error);
    this.#onRejected.clear();
  }
}
