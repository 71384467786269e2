/** The lease of a server: while its heartbeats get through, nobody takes from it what it leads. */
import type { Client } from '../../api/client/client.ts';
import { type Clock, sleep } from '../../api/clock.ts';
import { type LeaseSpec, serverLeaseName } from '../../api/kinds/lease.ts';
import type { Log } from '../../api/log.ts';
import { createLeaseKeeper, type LeaseKeeper, type LeaseReport } from '../lease.ts';
import { DEAD_AFTER_MS, FENCE_AFTER_MS, RENEW_ALONE_EVERY_MS, RENEW_EVERY_MS } from './timing.ts';

export interface HeartbeatOptions {
  /** Acts as the server. */
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly server: string;
  /** Names this run of the server. */
  readonly session: string;
  /** The node that it runs on, where that is one of the fleet. */
  readonly node?: string;
  /** Nobody waits for its heartbeats, and nothing depends on them: they say that it is there. */
  readonly isAlone: boolean;
  /** Why nothing can be committed now: a server that cannot work must not keep others from it. Alone, it is not asked. */
  readonly whyNot: () => string | undefined;
  /** Resolves when this server has seen all that was committed before: who led meanwhile. Alone, it is not asked. */
  readonly catchUp: () => Promise<unknown>;
  /** The NATS servers that keep the store, as this server sees them now. */
  readonly natsServers?: () => NonNullable<LeaseSpec['natsServers']>;
  /** Called when the store takes heartbeats again after a while in which it took none, maybe of nobody: before anything runs here again. */
  readonly onHeardAgain?: () => void;
}

export class Heartbeat {
  /** What it leads is safe from being taken over. */
  isHeard: boolean;
  readonly #options: HeartbeatOptions;
  readonly #lease: LeaseKeeper;
  /** Of the catching up that is under way. */
  #catchingUp = new AbortController();

  /** @param onChange `isHeard` has changed */
  constructor(options: HeartbeatOptions, onChange: () => void) {
    const { server, isAlone } = options;
    const renewEveryMs = isAlone ? RENEW_ALONE_EVERY_MS : RENEW_EVERY_MS;
    this.#options = options;
    this.isHeard = isAlone;
    const { whyNot, catchUp: _, ...kept } = options;
    this.#lease = createLeaseKeeper({
      ...kept,
      ...(isAlone ? {} : { whyNot }),
      name: serverLeaseName(server),
      holder: 'server',
      durationMs: isAlone ? 3 * renewEveryMs : DEAD_AFTER_MS,
      renewEveryMs,
    });
    if (!isAlone) this.#watch(onChange);
  }

  /** Says what there is to say of the servers behind the store. */
  tell(): void {
    const { natsServers } = this.#options;
    if (natsServers) this.#lease.report({ natsServers: natsServers() });
  }

  report(report: LeaseReport): void {
    this.#lease.report(report);
  }

  /** Ends it, and takes the lease away, so that nobody waits for it to run out. */
  release(): Promise<void> {
    this.#catchingUp.abort();
    return this.#lease.close({ release: true });
  }

  #watch(onChange: () => void): void {
    const { log, onHeardAgain } = this.#options;
    const turn = (isHeard: boolean) => {
      this.isHeard = isHeard;
      onChange();
    };
    void this.#lease.held.then(() => turn(true));
    this.#lease.onRegained(async () => {
      this.#catchingUp = new AbortController();
      const { signal } = this.#catchingUp;
      await this.#catchUp(signal);
      if (signal.aborted) return;
      log.info({}, 'the store is reached again: this server goes on with what it leads still');
      onHeardAgain?.();
      turn(true);
    });
    this.#lease.onLost(() => {
      this.#catchingUp.abort();
      log.warn({}, 'the store took no heartbeat of this server in time: it stops what it leads');
      turn(false);
    }, FENCE_AFTER_MS);
  }

  /** Its heartbeats may get through long before it hears that others have taken over what it led. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { clock, log, catchUp } = this.#options;
    while (!signal.aborted) {
      try {
        await catchUp();
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        log.debug({ reason }, 'what was committed meanwhile is not known yet; it is asked again');
        await sleep(clock, RENEW_EVERY_MS, signal);
      }
    }
  }
}
