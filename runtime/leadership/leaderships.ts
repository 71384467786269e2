/**
 * Leaderships: several servers share the roles of the control plane, each role is one server's at a time, and who
 * dies is followed. A server leads what the store says it leads, for as long as its own heartbeats get through; what it
 * commits carries the term, and the rules refuse it when another term has begun.
 */
import type { Client } from '../../api/client/client.ts';
import { deleteIfPresent } from '../../api/client/client.ts';
import { type Clock, sleep } from '../../api/clock.ts';
import { type LeaseSpec, serverLeaseName } from '../../api/kinds/lease.ts';
import type { Log } from '../../api/log.ts';
import type { Identities } from '../../api/server/identities.ts';
import type { Change, Reader, Store } from '../../api/store.ts';
import { createLeaseKeeper, type LeaseKeeper } from '../lease.ts';
import { steadyClock } from '../steady-clock.ts';
import { assign, countsOf, lighterServer } from './assignment.ts';
import { LeadershipChanges, type Vacancy } from './changes.ts';
import { type Role, RoleRunner } from './runner.ts';
import { ServerSight } from './sight.ts';
import {
  BALANCE_EVERY_MS,
  DEAD_AFTER_MS,
  FENCE_AFTER_MS,
  GIVE_UP_WITHIN_MS,
  RENEW_ALONE_EVERY_MS,
  RENEW_EVERY_MS,
  SECOND_CHOICE_AFTER_MS,
  SECOND_CHOICE_PER_ROLE_MS,
  TICK_MS,
} from './timing.ts';

export interface LeadershipsOptions {
  readonly store: Store;
  /** Acts as the server (`serverActor`). */
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly identities: Identities;
  /** Name of this server, the same at every start. */
  readonly server: string;
  /** Names this run of it. */
  readonly session: string;
  /** The node that it runs on, where that is one of the fleet. */
  readonly node?: string;
  readonly roles: readonly Role[];
  /** Nobody else can have the store open: its roles are this server's from the start to the end. */
  readonly isAlone: boolean;
  /** The NATS servers that keep the store, as this server sees them now. */
  readonly natsServers?: () => NonNullable<LeaseSpec['natsServers']>;
  /** Called when all leases were lost with the memory that they were in. */
  readonly onLeasesLost?: () => void;
}

export interface Leaderships {
  /** Roles that run here now. */
  readonly leading: readonly string[];
  /** Stops what runs here, and then gives it to the others. */
  close(): Promise<void>;
}

/** Takes part at once; resolves to nothing, as a role may be somebody else's for good. */
export function startLeaderships(options: LeadershipsOptions): Leaderships {
  return new Participant(options);
}

class Participant implements Leaderships {
  readonly #options: LeadershipsOptions;
  readonly #log: Log;
  readonly #steady: Clock;
  readonly #sight: ServerSight;
  readonly #lease: LeaseKeeper;
  readonly #changes: LeadershipChanges;
  readonly #runner: RoleRunner;
  readonly #roles: readonly string[];
  readonly #abort = new AbortController();
  /** Since when a role could be taken, by the steady clock. */
  readonly #vacantSince = new Map<string, number>();
  readonly #handingOver = new Set<string>();
  /** Its heartbeats get through: what it leads is safe from being taken over. */
  #isHeard: boolean;
  /** What an earlier run of this server led has a new term: what names this server from here on is this run's. */
  #hasBegun = false;
  #isCommitting = false;
  /** Its lease was seen in the store. */
  #hasLease = false;
  #isDue = false;
  #tickedMs: number;
  #balancedMs: number;
  #cancelTick = () => {};
  #closed: Promise<void> | undefined;

  constructor(options: LeadershipsOptions) {
    const { store, clock, log, server, isAlone, roles } = options;
    this.#options = options;
    this.#log = log.child({ server });
    this.#steady = steadyClock(clock);
    this.#roles = roles.map((role) => role.name);
    this.#sight = new ServerSight(store.state, server, isAlone);
    const leaseRevision = this.#sight.leaseRevision.bind(this.#sight);
    this.#changes = new LeadershipChanges({ ...options, roles: this.#roles, leaseRevision });
    this.#runner = new RoleRunner(roles, this.#log, () => this.#due());
    this.#isHeard = isAlone;
    this.#tickedMs = this.#steady.now();
    this.#balancedMs = this.#tickedMs;
    store.subscribe({ kinds: ['Lease', 'Leadership'], signal: this.#abort.signal }, (change) => {
      this.#saw(change);
    });
    this.#lease = this.#keepLease();
    this.#tick();
  }

  get leading(): readonly string[] {
    return this.#runner.running;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #saw(change: Change): void {
    const { object, type } = change;
    this.#sight.saw(change);
    if (object.kind === 'Leadership') this.#due();
    if (object.metadata.name !== serverLeaseName(this.#options.server) || this.#closed) return;
    // Nobody but this server ends its own lease. It went with all others, or, without a word, is there anew.
    if (type === 'deleted' || (type === 'added' && this.#hasLease)) this.#options.onLeasesLost?.();
    this.#hasLease = type !== 'deleted';
  }

  #keepLease(): LeaseKeeper {
    const { client, clock, server, session, node, isAlone } = this.#options;
    const renewEveryMs = isAlone ? RENEW_ALONE_EVERY_MS : RENEW_EVERY_MS;
    const lease = createLeaseKeeper({
      client,
      clock,
      log: this.#log,
      name: serverLeaseName(server),
      holder: 'server',
      ...(node === undefined ? {} : { node }),
      durationMs: isAlone ? 3 * renewEveryMs : DEAD_AFTER_MS,
      renewEveryMs,
      session,
    });
    if (isAlone) return lease;
    const heard = () => {
      this.#isHeard = true;
      this.#due();
    };
    void lease.held.then(heard);
    lease.onRegained(() => {
      this.#log.info({}, 'the store is reached again: this server goes on with what it leads still');
      heard();
    });
    lease.onLost(() => {
      this.#isHeard = false;
      this.#log.warn({}, 'the store took no heartbeat of this server in time: it stops what it leads');
      this.#due();
    }, FENCE_AFTER_MS);
    return lease;
  }

  #tick(): void {
    const nowMs = this.#steady.now();
    this.#sight.passed(nowMs - this.#tickedMs);
    this.#tickedMs = nowMs;
    const { natsServers } = this.#options;
    if (natsServers) this.#lease.report({ natsServers: natsServers() });
    this.#due();
    this.#cancelTick = this.#steady.schedule(TICK_MS, () => this.#tick());
  }

  /** Not in the caller's stack: it may be the store's fan-out. */
  #due(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#climb();
    });
  }

  /** Everything is judged afresh: what runs here, what can be taken, what is better led elsewhere. */
  #climb(): void {
    for (const role of this.#roles) this.#runner.want(role, this.#termOf(role));
    if (!this.#isHeard || this.#closed || this.#isCommitting) return;
    const vacancies = this.#vacancies();
    const due = this.#hasBegun ? this.#dueOf(vacancies) : this.#firstOf(vacancies);
    if (due.length > 0 || !this.#hasBegun) void this.#takeOver(due);
    else if (vacancies.length === 0) this.#balance();
    this.#clearLeases();
  }

  /** The term by which this server runs a role now; undefined: it must not run here. */
  #termOf(role: string): number | undefined {
    if (!this.#isHeard || !this.#hasBegun || this.#closed || this.#handingOver.has(role)) return undefined;
    const spec = this.#options.store.state.get('Leadership', role)?.spec;
    return spec?.server === this.#options.server ? spec.term : undefined;
  }

  #vacancies(): readonly Vacancy[] {
    const { store, server } = this.#options;
    const vacancies: Vacancy[] = [];
    for (const role of this.#roles) {
      const { server: leader, term = 0 } = store.state.get('Leadership', role)?.spec ?? {};
      const isOwn = leader === server;
      const isVacant = isOwn ? !this.#hasBegun : leader === undefined || this.#sight.isDead(leader);
      if (!isVacant) this.#vacantSince.delete(role);
      else {
        const leaseRevision = leader === undefined ? undefined : this.#sight.leaseRevision(leader);
        vacancies.push({ role, leader, term, leaseRevision });
      }
    }
    return vacancies;
  }

  /** What was this server's before, and what falls to it, in one commit. */
  #firstOf(vacancies: readonly Vacancy[]): readonly Vacancy[] {
    const own = vacancies.filter(({ leader }) => leader === this.#options.server);
    return [...own, ...this.#dueOf(vacancies.filter((vacancy) => !own.includes(vacancy)))];
  }

  /** What falls to this server at once, and what the one that it falls to has not taken. */
  #dueOf(vacancies: readonly Vacancy[]): readonly Vacancy[] {
    const { server } = this.#options;
    const names = vacancies.map(({ role }) => role);
    const counts = this.#counts(new Set(names));
    const assigned = assign(names, this.#sight.live(), counts);
    const patienceMs = SECOND_CHOICE_AFTER_MS + SECOND_CHOICE_PER_ROLE_MS * (counts.get(server) ?? 0);
    const nowMs = this.#steady.now();
    return vacancies.filter(({ role }) => {
      const sinceMs = this.#vacantSince.get(role) ?? nowMs;
      this.#vacantSince.set(role, sinceMs);
      return assigned.get(role) === server || nowMs - sinceMs >= patienceMs;
    });
  }

  /** @param without roles that are led by nobody alive */
  #counts(without: ReadonlySet<string> = new Set()) {
    const { state } = this.#options.store;
    const led = this.#roles.filter((role) => !without.has(role));
    return countsOf(led.map((role) => state.get('Leadership', role)?.spec.server));
  }

  async #takeOver(vacancies: readonly Vacancy[]): Promise<void> {
    await this.#committing('leaderships were not taken; it is tried again', async () => {
      const { result: roles } = await this.#changes.takeOver(vacancies);
      this.#hasBegun = true;
      if (roles.length > 0) this.#log.info({ roles }, 'this server leads');
    });
  }

  /** One role at a time: those who follow see what has moved before they move the next. */
  #balance(): void {
    const { server, store } = this.#options;
    const nowMs = this.#steady.now();
    if (this.#options.isAlone || nowMs - this.#balancedMs < BALANCE_EVERY_MS) return;
    this.#balancedMs = nowMs;
    const servers = this.#sight.settled().filter((other) => other !== server);
    const role = this.#runner.running.at(-1);
    const term = role === undefined ? undefined : store.state.get('Leadership', role)?.spec.term;
    if (role === undefined || term === undefined || !lighterServer(server, servers, this.#counts())) return;
    this.#handingOver.add(role);
    void this.#committing('a leadership was not handed over', async () => {
      await this.#runner.stop(role);
      const { result: heir } = await this.#changes.handOver(role, term, servers);
      if (heir !== undefined) this.#log.info({ role, heir }, 'this server hands a leadership over');
    }).finally(() => {
      this.#handingOver.delete(role);
      this.#due();
    });
  }

  /** One commit at a time. One that fails (the store is away, others were faster) is judged anew at the next tick. */
  async #committing(failure: string, commit: () => Promise<void>): Promise<void> {
    this.#isCommitting = true;
    try {
      await commit();
      this.#due();
    } catch (error) {
      if (!this.#closed)
        this.#log.warn({ error: error instanceof Error ? error.message : String(error) }, failure);
    } finally {
      this.#isCommitting = false;
    }
  }

  #clearLeases(): void {
    for (const name of this.#sight.leftBehind()) {
      deleteIfPresent(this.#options.client, 'Lease', name).catch((error: Error) =>
        this.#log.debug(
          { lease: name, error: error.message },
          'a dead lease was not cleared away; it is tried again',
        ),
      );
    }
  }

  async #close(): Promise<void> {
    const { server, clock } = this.#options;
    this.#cancelTick();
    this.#lease.report({ leaving: true });
    await Promise.all(this.#roles.map((role) => this.#runner.stop(role)));
    const others = this.#sight.live().filter((other) => other !== server);
    const leave = async () => {
      await this.#changes.giveUp(others);
      await this.#lease.close({ release: true });
    };
    const late = new AbortController();
    const gone = leave().catch((error: Error) =>
      this.#log.warn(
        { error: error.message },
        'leaderships were not given up: others take over when they ran out',
      ),
    );
    await Promise.race([gone, sleep(clock, GIVE_UP_WITHIN_MS, late.signal)]);
    late.abort();
    this.#abort.abort();
    void this.#lease.close();
  }
}

/** Who leads a role now, if anybody does; for an engine that asks who of several servers decides. */
export const leaderOf = (state: Reader, role: string): string | undefined =>
  state.get('Leadership', role)?.spec.server;
