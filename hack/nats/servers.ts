/** Real NATS servers with JetStream for tests, benches and local clusters: one, or a cluster, on loopback. */
import { rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fetchNats } from './fetch.ts';
import { canPlaceStreams, isHealthy, type Login, leadsServers, leadsStream } from './health.ts';
import { type Cut, type Link, Links } from './link.ts';
import { type Production, prepareProduction } from './production.ts';
import type { NatsRelease } from './releases.ts';
import type { NatsServer } from './server.ts';
import { nameOf, type Ports, reservePorts, type SetUp, setUpServer, urlOf } from './set-up.ts';

/** A cluster's first election of its JetStream leader may take more than 10 s. */
const READY_TIMEOUT_MS = 60_000;
/** By then servers that started together have met; see `#meet`. */
const MEET_TIMEOUT_MS = 12_000;
const POLL_MS = 50;

export interface NatsOptions {
  /** Default: `current`. */
  readonly release?: NatsRelease;
  /** Default: 1. */
  readonly servers?: 1 | 3 | 5;
  /** Their files: a folder for them alone. It is deleted at the end, unless `keep`; started there again they go on. */
  readonly dir: string;
  readonly keep?: boolean;
  /** Default: false, which is NATS's own default: what is acknowledged is on disk within two minutes. */
  readonly syncAlways?: boolean;
  /** The servers reach each other through links that can be cut; see `cut`. They cost a little speed: not for benches. */
  readonly cuttable?: boolean;
  /** As `manifests/nats/` has it, with TLS and users: `production.logins` says who may come. Needs a cluster. */
  readonly production?: boolean;
  /** Further lines of each server's configuration. */
  readonly config?: readonly string[];
  /** Who may make streams, where `config` asks for a login. */
  readonly login?: Partial<Login>;
}

/** A client's own way to the servers: it can be cut without parting the servers from each other. */
export interface NatsPath {
  readonly urls: readonly string[];
  cut(how?: Cut): void;
  mend(): void;
}

/**
 * Starts servers and waits until JetStream is ready. They keep their ports over restarts, and end with this process.
 * @throws CannotFetch, or Error with the last words of a server that did not start
 */
export async function startNats(options: NatsOptions): Promise<Nats> {
  const nats = new Nats(options);
  try {
    await nats.open();
    return nats;
  } catch (error) {
    await nats.close();
    throw error;
  }
}

export class Nats {
  readonly servers: NatsServer[] = [];
  readonly #options: NatsOptions;
  readonly #links: Links | undefined;
  #ports: readonly Ports[] = [];
  #production: Production | undefined;

  constructor(options: NatsOptions) {
    this.#options = options;
    if (options.cuttable) this.#links = new Links();
  }

  get dir(): string {
    return this.#options.dir;
  }

  /** Where clients connect, with no link in between. */
  get urls(): string[] {
    return this.servers.map(({ url }) => url);
  }

  /** Of servers that were started as `production`: the users and the authority of their certificates. */
  get production(): Production {
    if (!this.#production) throw new Error('servers that were not started as `production` have no users');
    return this.#production;
  }

  server(index: number): NatsServer {
    const server = this.servers[index];
    if (!server) throw new Error(`there is no NATS server ${index}`);
    return server;
  }

  /** `startNats` calls it. */
  async open(): Promise<void> {
    const { dir, servers = 1, release = 'current', syncAlways = false, config = [] } = this.#options;
    const binary = await fetchNats(release);
    const ports = await reservePorts(dir, servers);
    const names = ports.map((_, index) => nameOf(index));
    const production = this.#options.production ? await prepareProduction(dir, names) : undefined;
    this.#ports = ports;
    this.#production = production;
    const setUp: SetUp = {
      binary,
      dir,
      ports,
      syncAlways,
      config,
      ...(production ? { production } : {}),
      ...(this.#links ? { links: this.#links } : {}),
    };
    for (const index of ports.keys()) this.servers.push(await setUpServer(setUp, index));
    await Promise.all(this.servers.map((server) => server.start()));
    await this.#meet();
  }

  /** The server that leads a stream now, by its own word. @throws Error where nobody leads it in time */
  async leader(stream: string): Promise<NatsServer> {
    let leader: NatsServer | undefined;
    await until(`a leader of ${stream}`, READY_TIMEOUT_MS, async () => {
      leader = await this.#find((server) => leadsStream(server, stream));
      return leader !== undefined;
    });
    if (!leader) throw new Error(`${stream} has no leader`);
    return leader;
  }

  /** Resolves when every running server takes part in JetStream, has all its data, and can be given streams. */
  async ready(timeoutMs = READY_TIMEOUT_MS): Promise<void> {
    await until('JetStream on every running server', timeoutMs, async () => {
      const running = this.servers.filter(({ isRunning }) => isRunning);
      for (const server of running) if (!(await isHealthy(server))) return false;
      const isWhole = running.length === this.servers.length;
      // In production nobody may make a stream for a try.
      return (
        !isWhole || this.#production !== undefined || (await canPlaceStreams(this.urls, this.#options.login))
      );
    });
  }

  /** A way to the servers for one client. `cut(i)` cuts server i off from all of these as well. Needs `cuttable`. */
  async path(): Promise<NatsPath> {
    const all = this.#cuttable();
    const links: Link[] = [];
    for (const [index, { client }] of this.#ports.entries()) links.push(await all.open(client, [index]));
    return {
      urls: links.map(({ port }) => urlOf(port, this.#production)),
      cut: (how) => {
        for (const link of links) link.cut(how);
      },
      mend: () => {
        for (const link of links) link.mend();
      },
    };
  }

  /** Parts a server from the other servers and from all paths. Needs `cuttable`. */
  cut(index: number, how?: Cut): void {
    this.#cuttable().cut(index, how);
  }

  mend(index: number): void {
    this.#cuttable().mend(index);
  }

  /** Ends everything, and deletes the files unless they are to be kept. */
  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
    await this.#links?.close();
    if (!this.#options.keep) await rm(this.#options.dir, { recursive: true, force: true });
  }

  /**
   * Now and then three servers of 2.10 that start together for the first time elect a leader that knows only one of the
   * others, and stay so: both votes arrived at once. The next leader knows all three.
   */
  async #meet(): Promise<void> {
    try {
      await this.ready(MEET_TIMEOUT_MS);
    } catch {
      const leader = await this.#find(leadsServers);
      await leader?.stop();
      await leader?.start();
      await this.ready();
    }
  }

  async #find(is: (server: NatsServer) => Promise<boolean>): Promise<NatsServer | undefined> {
    for (const server of this.servers) if (server.isRunning && (await is(server))) return server;
    return undefined;
  }

  #cuttable(): Links {
    if (!this.#links) throw new Error('servers that were not started `cuttable` have no links');
    return this.#links;
  }
}

async function until(what: string, timeoutMs: number, isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await pause(POLL_MS);
  }
}
