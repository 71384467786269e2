/**
 * Keeps a `Lease` alive: the heartbeat of an agent or a gateway, and the news of how far it has followed the store.
 * It also tells its own process when the servers may have given it up, which must come before they do.
 */
import { type Client, deleteIfPresent } from '../api/client/client.ts';
import { type Clock, timestamp } from '../api/clock.ts';
import { isApiError } from '../api/errors.ts';
import type { LeaseSpec } from '../api/kinds/lease.ts';
import type { Log } from '../api/log.ts';
import { sameJson } from '../api/same-json.ts';
import { Watchdog } from './watchdog.ts';

/** First pause after a renewal that failed; it doubles, up to the renewal's own interval. */
const RETRY_FIRST_MS = 50;
/** So many refusals in a row are needed: one alone may come from a server that is just starting. */
const REJECTIONS_TO_BELIEVE = 3;

export interface LeaseKeeperOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly name: string;
  readonly holder: LeaseSpec['holder'];
  /** For an agent: its node. */
  readonly node?: string;
  /** After so long without a renewal the servers take the holder for dead. */
  readonly durationMs: number;
  /** A fraction of `durationMs`. */
  readonly renewEveryMs: number;
  /** Names this run of the process. */
  readonly session: string;
}

export interface LeaseReport {
  /** Never goes back; a lower one is ignored. */
  readonly appliedRevision?: number;
  readonly draining?: readonly string[];
  readonly problems?: NonNullable<LeaseSpec['problems']>;
}

export interface LeaseKeeper {
  /** Resolves when the servers have the lease for the first time. */
  readonly held: Promise<void>;
  /** When the last renewal that arrived was sent, in ms since the epoch: the servers count from no earlier. */
  readonly lastContactMs: number;
  /** Renews at once, where there is news. While a request is under way the newest report waits for it; those between are left out. */
  report(report: LeaseReport): void;
  /** Calls back when nothing has arrived for `afterMs`; again after each time that contact came back. */
  onLost(callback: () => void, afterMs: number): void;
  /** Calls back with each renewal that arrives after the lease was lost. */
  onRegained(callback: () => void): void;
  /** Calls back once when the servers keep refusing the holder: its credential is revoked, its node is gone. */
  onRejected(callback: (error: Error) => void): void;
  /** Ends the renewals. With `release` the lease is deleted, so that nobody waits for it to run out. */
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
  readonly #watchdogs: Watchdog[] = [];
  readonly #onRejected = new Set<(error: Error) => void>();
  readonly #onRegained = new Set<() => void>();
  readonly #abort = new AbortController();
  #appliedRevision = 0;
  #draining: readonly string[] = [];
  #problems: NonNullable<LeaseSpec['problems']> = [];
  #isDue = true;
  #isSending: Promise<void> | undefined;
  #failures = 0;
  #rejections = 0;
  #cancelTimer = () => {};
  #onHeld: () => void = () => {};

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.lastContactMs = options.clock.now();
    this.held = new Promise((resolve) => {
      this.#onHeld = resolve;
    });
    this.#send();
  }

  report(report: LeaseReport): void {
    const { appliedRevision = 0, draining = this.#draining, problems = this.#problems } = report;
    const isSame = sameJson(draining, this.#draining) && sameJson(problems, this.#problems);
    if (isSame && appliedRevision <= this.#appliedRevision) return;
    this.#appliedRevision = Math.max(this.#appliedRevision, appliedRevision);
    this.#draining = draining;
    this.#problems = problems;
    this.#isDue = true;
    this.#send();
  }

  onLost(callback: () => void, afterMs: number): void {
    const watchdog = new Watchdog(this.#options.clock, afterMs, callback, () => this.lastContactMs);
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
    if (release) await deleteIfPresent(this.#options.client, 'Lease', this.#options.name);
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
    const { clock, log, renewEveryMs, name } = this.#options;
    const sentMs = clock.now();
    try {
      await this.#withTimeout((signal) => this.#write(sentMs, signal));
      this.#failures = 0;
      this.#rejections = 0;
      this.#arrived(sentMs);
      return renewEveryMs;
    } catch (error) {
      if (this.#abort.signal.aborted) return renewEveryMs;
      const reason = error instanceof Error ? error.message : String(error);
      log.debug({ lease: name, reason }, 'the lease could not be renewed; it is tried again');
      this.#refused(error);
      return Math.min(renewEveryMs, RETRY_FIRST_MS * 2 ** Math.min(this.#failures++, 16));
    }
  }

  async #write(sentMs: number, signal: AbortSignal): Promise<void> {
    const { client, name, holder, node, durationMs, session } = this.#options;
    const spec = {
      holder,
      ...(node === undefined ? {} : { node }),
      renewTime: timestamp(sentMs),
      durationMs,
      appliedRevision: this.#appliedRevision,
      draining: this.#draining,
      ...(holder === 'gateway' ? { problems: this.#problems } : {}),
      session,
    };
    try {
      await client.patch('Lease', name, { spec }, { signal });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      await client.create({ kind: 'Lease', metadata: { name }, spec }, { signal });
    }
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
    this.#rejections += 1;
    if (this.#rejections === REJECTIONS_TO_BELIEVE) for (const callback of this.#onRejected) callback(error);
  }
}
