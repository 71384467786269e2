/** The commits that change who leads. Each looks again at the state where it lands: whoever was first stays. */
import { type Clock, timestamp } from '../../api/clock.ts';
import { SERVER_GROUP } from '../../api/groups.ts';
import type { Leadership, LeadershipSpec } from '../../api/kinds/leadership.ts';
import { serverLeaseName } from '../../api/kinds/lease.ts';
import { API_VERSION } from '../../api/meta.ts';
import type { Identities } from '../../api/server/identities.ts';
import type { Actor, Committed, Decision, Reader, Store, Write } from '../../api/store.ts';
import { assign, countsOf, lighterServer } from './assignment.ts';

/** A role as it was judged to be free for the taking. */
export interface Vacancy {
  readonly role: string;
  /** Who led it, and its term then; undefined and 0 where there was none. */
  readonly leader: string | undefined;
  readonly term: number;
  /** The leader's lease as it was then: a newer one says that the leader lives. */
  readonly leaseRevision: string | undefined;
}

export interface LeadershipChangesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly identities: Identities;
  readonly server: string;
  /** Names this run of it. */
  readonly session: string;
  /** All that there are, in the order in which they are given out. */
  readonly roles: readonly string[];
  /** See `ServerSight`. */
  readonly leaseRevision: (server: string, state: Reader) => string | undefined;
}

/** A run of a server: one that starts again is another. */
type Leader = Required<Pick<LeadershipSpec, 'server' | 'session'>>;

/** The actor that a server is, for what it writes as a server. */
export const serverActor = (server: string): Actor => ({
  user: `system:server:${server}`,
  groups: [SERVER_GROUP],
});

export class LeadershipChanges {
  readonly #options: LeadershipChangesOptions;

  constructor(options: LeadershipChangesOptions) {
    this.#options = options;
  }

  /** Takes what is still free for the taking, each role by a new term. */
  takeOver(vacancies: readonly Vacancy[]): Promise<Committed<readonly string[]>> {
    const { server, session, leaseRevision } = this.#options;
    return this.#commit((state) => {
      const taken = vacancies.filter(({ role, leader, term, leaseRevision: judged }) => {
        const current = state.get('Leadership', role)?.spec;
        const isSame = (current?.term ?? 0) === term && current?.server === leader;
        if (!isSame || leader === undefined || leader === server) return isSame;
        return leaseRevision(leader, state) === judged;
      });
      const writes = taken.map(({ role, term }) => this.#put(state, role, term + 1, { server, session }));
      return { writes, result: taken.map(({ role }) => role) };
    });
  }

  /** Gives a role of this server to one that leads fewer, unless that is not so any more. */
  handOver(role: string, term: number, servers: readonly string[]): Promise<Committed<string | undefined>> {
    const { server } = this.#options;
    return this.#commit((state) => {
      const current = state.get('Leadership', role)?.spec;
      const target = lighterServer(server, present(servers, state), this.#counts(state));
      const isSame = current?.server === server && current.term === term;
      if (!isSame || target === undefined) return { writes: [], result: undefined };
      return { writes: [this.#put(state, role, term + 1, runOf(target, state))], result: target };
    });
  }

  /** Gives all roles of this server to the others; where there is nobody else they become free. */
  giveUp(others: readonly string[]): Promise<Committed<undefined>> {
    const { server, roles } = this.#options;
    return this.#commit((state) => {
      const own = roles.filter((role) => state.get('Leadership', role)?.spec.server === server);
      const heirs = assign(own, present(others, state), this.#counts(state));
      const writes = own.map((role) => {
        const term = state.get('Leadership', role)?.spec.term ?? 0;
        const heir = runOf(heirs.get(role), state);
        return this.#put(state, role, heir === undefined ? term : term + 1, heir);
      });
      return { writes, result: undefined };
    });
  }

  #commit<T>(decide: (state: Reader) => Decision<T>): Promise<Committed<T>> {
    return this.#options.store.commit(serverActor(this.#options.server), decide);
  }

  #counts(state: Reader) {
    return countsOf(this.#options.roles.map((role) => state.get('Leadership', role)?.spec.server));
  }

  #put(state: Reader, role: string, term: number, leader: Leader | undefined): Write {
    const { clock, identities } = this.#options;
    const since = timestamp(clock.now());
    const spec: LeadershipSpec = { ...leader, term, since };
    const current = state.get('Leadership', role);
    if (current) {
      const metadata = { ...current.metadata, generation: current.metadata.generation + 1 };
      return { type: 'put', object: { ...current, metadata, spec } };
    }
    const metadata = {
      name: role,
      uid: identities.uid(),
      resourceVersion: '',
      generation: 1,
      creationTimestamp: since,
    };
    const object: Leadership = { apiVersion: API_VERSION, kind: 'Leadership', metadata, spec, status: {} };
    return { type: 'put', object };
  }
}

/** Servers that have a lease: it says which run of them would lead. */
const present = (servers: readonly string[], state: Reader): readonly string[] =>
  servers.filter((server) => runOf(server, state));

function runOf(server: string | undefined, state: Reader): Leader | undefined {
  const lease = server === undefined ? undefined : state.get('Lease', serverLeaseName(server));
  return server === undefined || !lease ? undefined : { server, session: lease.spec.session };
}
