/** Who of the servers lives, as this one sees it: by how long it saw no news of a lease, never by the time in it. */
import { type Lease, serverLeaseName } from '../../api/kinds/lease.ts';
import type { Change, Reader } from '../../api/store.ts';
import {
  BLIND_AFTER_MS,
  CLEAR_AFTER_MS,
  DEAD_AFTER_MS,
  MAX_TICK_MS,
  SETTLED_AFTER_MS,
  VANISHED_AFTER_MS,
} from './timing.ts';

interface Seen {
  /** Since its last heartbeat, or since its lease vanished; never more than has really passed. */
  silentMs: number;
  /** It was heard of since the last tick: not all of the next one is silence. */
  isFresh: boolean;
  /** How long it has been heard of without a break. */
  aliveMs: number;
  session: string | undefined;
  isLeaving: boolean;
  /** It left, or was dead before its lease went: there is nothing to wait for. */
  isGone: boolean;
}

const LEASE_PREFIX = serverLeaseName('');

export class ServerSight {
  readonly #state: Reader;
  readonly #self: string;
  readonly #isAlone: boolean;
  readonly #seen = new Map<string, Seen>();

  /** @param isAlone nobody else can have the store open: whoever else is named in it is dead */
  constructor(state: Reader, self: string, isAlone: boolean) {
    this.#state = state;
    this.#self = self;
    this.#isAlone = isAlone;
    for (const lease of state.byIndex('Lease', 'holder', 'server')) this.#heard(lease);
  }

  /** Every change of a lease. */
  saw({ type, object }: Change): void {
    if (object.kind !== 'Lease' || object.spec.holder !== 'server') return;
    if (type !== 'deleted') {
      this.#heard(object);
      return;
    }
    const seen = this.#of(serverOf(object));
    seen.isGone = seen.isLeaving || this.#isSilent(seen);
    Object.assign(seen, { silentMs: 0, isFresh: true, aliveMs: 0 });
  }

  /** Time has passed. Counts nothing while this server does not see its own heartbeats. */
  passed(elapsedMs: number): void {
    const ms = Math.min(Math.max(0, elapsedMs), MAX_TICK_MS);
    for (const seen of this.#seen.values()) {
      if (!seen.isFresh) seen.silentMs += ms;
      seen.isFresh = false;
      if (seen.silentMs < BLIND_AFTER_MS) seen.aliveMs += ms;
    }
    const self = this.#of(this.#self);
    const isBlind = self.silentMs >= BLIND_AFTER_MS || !this.#leaseOf(this.#self);
    if (isBlind) for (const seen of this.#seen.values()) if (seen !== self) seen.silentMs = 0;
  }

  isDead(server: string): boolean {
    if (server === this.#self) return false;
    if (this.#isAlone) return true;
    const seen = this.#of(server);
    return seen.isGone || this.#isSilent(seen, server);
  }

  /** Servers that may lead, this one among them, by name. */
  live(): readonly string[] {
    return this.#servers((seen, server) => !seen.isLeaving && !this.isDead(server) && this.#hasLease(server));
  }

  /** Those of them that have been there for some time. */
  settled(): readonly string[] {
    const live = new Set(this.live());
    return this.#servers((seen, server) => live.has(server) && seen.aliveMs >= SETTLED_AFTER_MS);
  }

  /** Names of leases whose servers have been dead for long. */
  leftBehind(): readonly string[] {
    if (this.#isAlone) return [];
    return this.#servers(
      (seen, server) => server !== this.#self && this.#hasLease(server) && seen.silentMs >= CLEAR_AFTER_MS,
    ).map(serverLeaseName);
  }

  /** Revision of a server's lease: another one means that it was heard of since. */
  leaseRevision(server: string, state = this.#state): string | undefined {
    return state.get('Lease', serverLeaseName(server))?.metadata.resourceVersion;
  }

  #heard(lease: Lease): void {
    const { session, leaving = false } = lease.spec;
    const seen = this.#of(serverOf(lease));
    if (seen.session !== session) seen.aliveMs = 0;
    Object.assign(seen, { silentMs: 0, isFresh: true, session, isLeaving: leaving, isGone: false });
  }

  #of(server: string): Seen {
    let seen = this.#seen.get(server);
    if (!seen) {
      seen = {
        silentMs: 0,
        isFresh: true,
        aliveMs: 0,
        session: undefined,
        isLeaving: false,
        isGone: false,
      };
      this.#seen.set(server, seen);
    }
    return seen;
  }

  #isSilent({ silentMs }: Seen, server?: string): boolean {
    const hasLease = server === undefined || this.#leaseOf(server) !== undefined;
    return silentMs >= (hasLease ? DEAD_AFTER_MS : VANISHED_AFTER_MS);
  }

  #hasLease(server: string): boolean {
    return server === this.#self || this.#leaseOf(server) !== undefined;
  }

  #leaseOf(server: string): Lease | undefined {
    return this.#state.get('Lease', serverLeaseName(server));
  }

  #servers(holds: (seen: Seen, server: string) => boolean): string[] {
    this.#of(this.#self);
    return [...this.#seen]
      .filter(([server, seen]) => holds(seen, server))
      .map(([server]) => server)
      .sort();
  }
}

const serverOf = ({ metadata }: Lease): string => metadata.name.slice(LEASE_PREFIX.length);
