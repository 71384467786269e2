/**
 * Leaderships: several servers share the roles of the control plane, each role is one server's at a time, and who
 * dies is followed. A server leads what the store says it leads, for as long as its own heartbeats get through; what it
 * commits carries the term, and the rules refuse it when another term has begun.
 */
import { deleteIfPresent } from '../../api/client/client.ts';
import { type Clock, sleep } from '../../api/clock.ts';
import { serverLeaseName } from '../../api/kinds/lease.ts';
import type { Log } from '../../api/log.ts';
import type { Identities } from '../../api/server/identities.ts';
import type { Change, Reader, Store } from '../../api/store.ts';
import { steadyClock } from '../steady-clock.ts';
import { lighterServer } from './assignment.ts';
import { LeadershipChanges, type Vacancy } from './changes.ts';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.ts';
import { NAMESAKE_BEATS } from './namesake.ts';
import { type Role, RoleRunner } from './runner.ts';
import { ServerSight } from './sight.ts';
import { BALANCE_EVERY_MS, GIVE_UP_WITHIN_MS, TICK_MS } from './timing.ts';
import { Vacancies } from './vacancies.ts';

/** `server` is the same at every start of it, `session` another one. Alone, its roles are its own from start to end. */
export interface LeadershipsOptions extends Omit<HeartbeatOptions, 'whyNot' | 'catchUp'> {
  readonly store: Store;
  readonly identities: Identities;
  readonly roles: readonly Role[];
  /** Called when all leases were lost with the memory that they were in. */
  readonly onLeasesLost?: () => void;
}

export interface Leaderships {
  /** Roles that run here now. */
  readonly leading: readonly string[];
  /** Who leads a role by a state of the store; undefined: nobody who lives, as this server sees it. */
  leaderOf(role: string, state: Reader): string | undefined;
  /** Stops what runs here, and then gives it to the others. */
  close(): Promise<void>;
}

/** Takes part at once. A role may be somebody else's for good. */
export function startLeaderships(options: LeadershipsOptions): Leaderships {
  return new Participant(options);
}

class Participant implements Leaderships {
  readonly #options: LeadershipsOptions;
  readonly #log: Log;
  readonly #steady: Clock;
  readonly #sight: ServerSight;
  readonly #heartbeat: Heartbeat;
  readonly #vacancies: Vacancies;
  readonly #changes: LeadershipChanges;
  readonly #runner: RoleRunner;
  readonly #roles: readonly string[];
  readonly #abort = new AbortController();
  readonly #handingOver = new Set<string>();
  #isCommitting = false;
  /** Its lease was seen in the store. */
  #hasLease = false;
  #namesakeBeats = 0;
  #isDue = false;
  #tickedMs: number;
  #balancedMs: number;
  #cancelTick = () => {};
  #closed: Promise<void> | undefined;

  constructor(options: LeadershipsOptions) {
    const { store, clock, server, session, isAlone, roles } = options;
    const log = options.log.child({ server });
    const { state } = store;
    this.#options = options;
    this.#log = log;
    this.#steady = steadyClock(clock);
    this.#roles = roles.map((role) => role.name);
    const sight = new ServerSight(state, server, isAlone);
    this.#sight = sight;
    this.#vacancies = new Vacancies({
      state,
      sight,
      clock: this.#steady,
      server,
      session,
      roles: this.#roles,
    });
    const leaseRevision = sight.leaseRevision.bind(sight);
    this.#changes = new LeadershipChanges({ ...options, roles: this.#roles, leaseRevision });
    this.#runner = new RoleRunner(roles, log, () => this.#due());
    this.#tickedMs = this.#steady.now();
    this.#balancedMs = this.#tickedMs;
    store.subscribe({ kinds: ['Lease', 'Leadership'], signal: this.#abort.signal }, (change) => {
      this.#saw(change);
    });
    const whyNot = () => store.health.unwritable;
    const catchUp = () => store.barrier();
    this.#heartbeat = new Heartbeat({ ...options, log, whyNot, catchUp }, () => this.#due());
    this.#tick();
  }

  get leading(): readonly string[] {
    return this.#runner.running;
  }

  leaderOf(role: string, state: Reader): string | undefined {
    const leader = state.get('Leadership', role)?.spec.server;
    return leader !== undefined && this.#sight.isDead(leader) ? undefined : leader;
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
    if (object.kind === 'Lease' && object.spec.session !== this.#options.session) this.#meetNamesake();
  }

  /** Two that run by one name would lead by turns, and each keep the other's lease alive: then neither leads. */
  #meetNamesake(): void {
    this.#namesakeBeats += 1;
    if (this.#namesakeBeats < NAMESAKE_BEATS) return;
    this.#log.error(
      {},
      'another server runs by this name: this one leads nothing any more; give each its own --name',
    );
    void this.close();
  }

  #tick(): void {
    const nowMs = this.#steady.now();
    this.#sight.passed(nowMs - this.#tickedMs);
    this.#tickedMs = nowMs;
    this.#heartbeat.tell();
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
    if (!this.#heartbeat.isHeard || this.#closed || this.#isCommitting) return;
    const vacancies = this.#vacancies.find();
    const due = this.#vacancies.due(vacancies);
    if (due.length > 0) void this.#takeOver(due);
    else if (vacancies.length === 0) this.#balance();
    this.#clearLeases();
  }

  /** The term by which this server runs a role now; undefined: it must not run here. */
  #termOf(role: string): number | undefined {
    const { server, session, store } = this.#options;
    if (!this.#heartbeat.isHeard || this.#closed || this.#handingOver.has(role)) return undefined;
    const spec = store.state.get('Leadership', role)?.spec;
    return spec?.server === server && spec.session === session ? spec.term : undefined;
  }

  async #takeOver(vacancies: readonly Vacancy[]): Promise<void> {
    await this.#committing('leaderships were not taken; it is tried again', async () => {
      const { result: roles } = await this.#changes.takeOver(vacancies);
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
    if (role === undefined || term === undefined || !lighterServer(server, servers, this.#vacancies.counts()))
      return;
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
    this.#heartbeat.report({ leaving: true });
    await Promise.all(this.#roles.map((role) => this.#runner.stop(role)));
    const others = this.#sight.live().filter((other) => other !== server);
    const leave = async () => {
      await this.#changes.giveUp(others);
      await this.#heartbeat.release();
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
  }
}
