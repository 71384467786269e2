/** Several servers in one test: each with a clock of its own that can jump, pause or end, on one store with the real rules. */
import { expect } from 'chai';
import type { Client } from '../../../api/client/client.ts';
import { createLocalClient } from '../../../api/client/local.ts';
import type { KindName } from '../../../api/kinds/index.ts';
import { silentLog } from '../../../api/log.ts';
import { admission } from '../../../api/rules/index.ts';
import { randomIdentities } from '../../../api/server/identities.ts';
import { ApiService } from '../../../api/server/service.ts';
import { serverActor } from '../../../runtime/leadership/changes.ts';
import { type Leaderships, startLeaderships } from '../../../runtime/leadership/leaderships.ts';
import { VirtualClock } from '../../vocabulary/clock.ts';
import { FakeStore } from '../api/fake-store.ts';
import { event } from '../api/world.ts';
import { LaggingStore } from './lagging-store.ts';
import { ServerTime } from './server-time.ts';

/** From a kill to the moment at which everything runs elsewhere. */
export const FOLLOWED_WITHIN_MS = 3_000;
/** Long enough for roles to spread over servers that live. */
export const SPREAD_MS = 30_000;
export const ROLES = ['drain', 'events', 'migration', 'node-health', 'service', 'writer'];

/** A role began or ended on a server. */
export interface Moment {
  readonly atMs: number;
  readonly server: string;
  readonly role: string;
  readonly term: number;
  readonly what: 'begins' | 'ends';
}

/** What a leader of everything is called in `leaders`. */
export const all = (server: string, term: number): string[] =>
  ROLES.map((role) => `${role}@${server}${term}`);

/** Gives each test servers of its own, and checks after it that no role ran twice at a time. */
export function forEachTest(use: (servers: Servers) => void): void {
  let servers: Servers;
  beforeEach(() => {
    servers = new Servers();
    use(servers);
  });
  afterEach(async () => {
    expect(servers.overlaps).to.deep.equal([]);
    await servers.close();
  });
}

export class Servers {
  readonly clock = new VirtualClock();
  readonly store = new FakeStore(admission);
  readonly moments: Moment[] = [];
  readonly #servers: Server[] = [];

  async start(name: string, options: Partial<ServerOptions> = {}): Promise<Server> {
    const server = new Server(this, name, options);
    this.#servers.push(server);
    await this.clock.advance(50);
    return server;
  }

  /** Who leads each role by the store: `drain@b2` is server b in term 2. */
  get leaders(): string[] {
    return this.store.state
      .list('Leadership')
      .map(({ metadata, spec }) => `${metadata.name}@${spec.server ?? '-'}${spec.term}`);
  }

  /** How many roles each server runs, by name. */
  get spread(): Record<string, number> {
    const running = this.#servers.filter((server) => server.isAlive);
    return Object.fromEntries(running.map((server) => [server.name, server.leading.length]));
  }

  /** Three servers, over which the roles have spread. */
  async cluster(): Promise<[Server, Server, Server]> {
    const three: [Server, Server, Server] = [
      await this.start('a'),
      await this.start('b'),
      await this.start('c'),
    ];
    await this.clock.advance(SPREAD_MS);
    expect(this.spread).to.deep.equal({ a: 2, b: 2, c: 2 });
    return three;
  }

  /** Roles that began on one server while they ran on another that was not dead. */
  get overlaps(): string[] {
    const running = new Map<string, string>();
    return this.moments.flatMap(({ role, server, what }) => {
      const by = running.get(role);
      if (what === 'ends') {
        if (by === server) running.delete(role);
        return [];
      }
      running.set(role, server);
      return by === undefined || by === server || !this.isAlive(by) ? [] : [`${role}: ${server} while ${by}`];
    });
  }

  isAlive(name: string): boolean {
    return this.#servers.some((server) => server.name === name && server.isAlive);
  }

  /** All objects of a kind vanish, as when the memory that they were in is lost. */
  async lose(kind: KindName): Promise<void> {
    await this.store.commit({ user: 'test', groups: [] }, (state) => ({
      writes: state.list(kind).map(({ metadata: { name } }) => ({ type: 'delete', kind, name })),
      result: undefined,
    }));
  }

  async close(): Promise<void> {
    const closing = this.#servers.map((server) => server.kill());
    await Promise.all(closing);
  }
}

export interface ServerOptions {
  readonly isAlone: boolean;
  readonly session: string;
  readonly node: string;
  readonly onLeasesLost: () => void;
  readonly onHeardAgain: () => void;
}

export class Server {
  readonly name: string;
  readonly store: LaggingStore;
  readonly #world: Servers;
  readonly #service: ApiService;
  readonly #leaderships: Leaderships;
  readonly #time: ServerTime;

  constructor(world: Servers, name: string, options: Partial<ServerOptions>) {
    this.name = name;
    this.#world = world;
    this.#time = new ServerTime(world.clock);
    const clock = this.#time;
    this.store = new LaggingStore(world.store, clock);
    this.#service = new ApiService({ store: this.store, clock, admission });
    this.#leaderships = startLeaderships({
      store: this.store,
      client: createLocalClient(this.#service, serverActor(name)),
      clock,
      log: silentLog,
      identities: randomIdentities,
      server: name,
      session: `${name}-${world.moments.length}`,
      isAlone: false,
      roles: ROLES.map((role) => ({ name: role, start: (term = 0) => this.#begin(role, term) })),
      ...options,
    });
  }

  get isAlive(): boolean {
    return this.#time.isAlive;
  }

  get leading(): readonly string[] {
    return [...this.#leaderships.leading].sort();
  }

  /** A client as a controller of that role and term has it. */
  controllerOf(role: string, term: number): Client {
    const leadership = { name: role, term };
    return createLocalClient(this.#service, {
      user: `system:controller:${role}`,
      groups: ['system:controllers'],
      leadership,
    });
  }

  /** What its controller of that role and term writes now. */
  async write(role: string, term: number, name: string): Promise<void> {
    await Promise.all([this.controllerOf(role, term).create(event(name)), this.#world.clock.advance(20)]);
  }

  async kill(): Promise<void> {
    this.#time.end();
  }

  /** Nothing of it runs, as in a process that was sent SIGSTOP. */
  pause(): void {
    this.#time.pause();
  }

  resume(): void {
    this.#time.resume();
  }

  /** Somebody sets its clock. */
  jump(ms: number): void {
    this.#time.offsetMs += ms;
  }

  async close(): Promise<void> {
    const closed = this.#leaderships.close();
    await this.#world.clock.advance(50);
    await closed;
    this.#time.end();
  }

  #begin(role: string, term: number) {
    const note = (what: Moment['what']) => {
      this.#world.moments.push({ atMs: this.#world.clock.now(), server: this.name, role, term, what });
    };
    note('begins');
    return { stop: async () => note('ends') };
  }
}
