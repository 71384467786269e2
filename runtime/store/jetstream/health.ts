/** How far a server can be sure of its copy, and that it can commit. */
import { type Clock, repeat } from '../../../api/clock.ts';
import type { StoreHealth } from '../../../api/store.ts';
import { draft } from './records.ts';
import { ANYWHERE, type CommitStream } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** Where nothing was written for so long, something is, to learn whether a majority of the servers still takes it. */
const PROBE_EVERY_MS = 1_000;
/** Without a word of the log, or of a majority, the copy may be behind: three probes, or heartbeats, were missed. */
const STALE_AFTER_MS = 3_000;
/** A commit without an answer for so long will not get one soon. */
const STALLED_AFTER_MS = 2_000;
/** A connection that is made again at once is no reason to refuse anything. */
const DISCONNECTED_AFTER_MS = 1_000;
const PROBE = 'probe';

export interface HealthOptions {
  readonly clock: Clock;
  readonly leases: CommitStream;
  readonly leaseSubjects: Subjects;
  readonly server: string;
  readonly newAttempt: () => string;
  readonly signal: AbortSignal;
}

export class Health {
  readonly #options: HealthOptions;
  #heardMs: number;
  #confirmedMs: number;
  #failure: string | undefined;
  #failedMs = 0;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#heardMs = options.clock.now();
    this.#confirmedMs = this.#heardMs;
    repeat(options.clock, PROBE_EVERY_MS, options.signal, () => this.#probe());
  }

  /** A word of the log. */
  heard(): void {
    this.#heardMs = this.#options.clock.now();
  }

  /** A majority took a write. */
  confirmed(): void {
    this.#confirmedMs = this.#options.clock.now();
  }

  /** For good. */
  failed(why: string): void {
    this.#failure = why;
    this.#failedMs = this.#options.clock.now();
  }

  /** Why it is of no use to try a commit; undefined where it may succeed. */
  whyHopeless(disconnectedSinceMs: number | undefined): string | undefined {
    if (this.#failure !== undefined) return this.#failure;
    const nowMs = this.#options.clock.now();
    return disconnectedSinceMs !== undefined && nowMs - disconnectedSinceMs >= DISCONNECTED_AFTER_MS
      ? 'this server has no connection to NATS: nothing can be written here now'
      : undefined;
  }

  report(disconnectedSinceMs: number | undefined, stalledSinceMs: number | undefined): StoreHealth {
    const nowMs = this.#options.clock.now();
    const knownMs = Math.min(this.#heardMs, this.#confirmedMs);
    const isStale = nowMs - knownMs >= STALE_AFTER_MS;
    const isStalled = stalledSinceMs !== undefined && nowMs - stalledSinceMs >= STALLED_AFTER_MS;
    const why =
      this.whyHopeless(disconnectedSinceMs) ??
      (isStalled || isStale
        ? 'NATS takes no writes now: there is no leader, or no majority of its servers'
        : undefined);
    if (this.#failure !== undefined) return { unwritable: this.#failure, staleSinceMs: this.#failedMs };
    return {
      ...(why === undefined ? {} : { unwritable: why }),
      ...(isStale ? { staleSinceMs: knownMs } : {}),
    };
  }

  async #probe(): Promise<void> {
    const { clock, leases, leaseSubjects, server, newAttempt } = this.#options;
    if (clock.now() - this.#confirmedMs < PROBE_EVERY_MS) return;
    const { outgoing } = draft({
      id: newAttempt(),
      previous: '',
      subject: leaseSubjects.internal(`${PROBE}.${server}`),
      content: { type: 'mark' },
      after: ANYWHERE,
      isChained: false,
    });
    if ((await leases.publish(outgoing)).type === 'stored') this.confirmed();
  }
}
