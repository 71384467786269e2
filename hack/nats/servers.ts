/** Real NATS servers with JetStream for tests, benches and local clusters: one, or a cluster of three, on loopback. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createPortAllocator } from '../../runtime/ports.ts';
import { configurationOf } from './configuration.ts';
import { fetchNats } from './fetch.ts';
import { canPlaceStreams, isHealthy, type Login, leadsServers, leadsStream } from './health.ts';
import { type Cut, type Link, openLink } from './link.ts';
import type { NatsRelease } from './releases.ts';
import { createNatsServer, type NatsServer } from './server.ts';

/** A cluster's first election of its JetStream leader may take more than 10 s. */
const READY_TIMEOUT_MS = 60_000;
/** By then servers that started together have met; see `#meet`. */
const MEET_TIMEOUT_MS = 12_000;
const POLL_MS = 50;

export interface NatsOptions {
  /** Default: `current`. */
  readonly release?: NatsRelease;
  /** Default: 1. */
  readonly servers?: 1 | 3;
  /** Their files: a folder for them alone. It is deleted at the end, unless `keep`. */
  readonly dir: string;
  readonly keep?: boolean;
  /** Default: false, which is NATS's own default: what is acknowledged is on disk within two minutes. */
  readonly syncAlways?: boolean;
  /** The servers reach each other through links that can be cut; see `cut`. They cost a little speed: not for benches. */
  readonly cuttable?: boolean;
  /** Further lines of each server's configuration. */
  readonly config?: readonly string[];
  /** Who may make streams, where `config` asks for a login. */
  readonly login?: Login;
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

interface Ports {
  readonly client: number;
  readonly monitor: number;
  readonly cluster: number;
}

export class Nats {
  readonly servers: NatsServer[] = [];
  readonly #options: NatsOptions;
  readonly #ports: Ports[] = [];
  /** Every link, with the servers at its ends. */
  readonly #links: { readonly ends: readonly number[]; readonly link: Link }[] = [];

  constructor(options: NatsOptions) {
    this.#options = options;
  }

  /** Where clients connect, with no link in between. */
  get urls(): string[] {
    return this.servers.map(({ url }) => url);
  }

  server(index: number): NatsServer {
    const server = this.servers[index];
    if (!server) throw new Error(`there is no NATS server ${index}`);
    return server;
  }

  /** `startNats` calls it. */
  async open(): Promise<void> {
    const binary = await fetchNats(this.#options.release ?? 'current');
    await this.#reservePorts();
    for (const index of this.#ports.keys()) this.servers.push(await this.#prepare(binary, index));
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
      return !isWhole || (await canPlaceStreams(this.urls, this.#options.login));
    });
  }

  /** A way to the servers for one client. `cut(i)` cuts server i off from all of these as well. Needs `cuttable`. */
  async path(): Promise<NatsPath> {
    this.#needLinks();
    const links: Link[] = [];
    for (const [index, { client }] of this.#ports.entries()) links.push(await this.#link(client, [index]));
    return {
      urls: links.map(({ port }) => `nats://127.0.0.1:${port}`),
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
    this.#needLinks();
    for (const { ends, link } of this.#links) if (ends.includes(index)) link.cut(how);
  }

  mend(index: number): void {
    for (const { ends, link } of this.#links) if (ends.includes(index)) link.mend();
  }

  /** Ends everything, and deletes the files unless they are to be kept. */
  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
    await Promise.all(this.#links.map(({ link }) => link.close()));
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

  /** Outside the range of outgoing connections: one of those would take the port of a server that is down. */
  async #reservePorts(): Promise<void> {
    const allocator = createPortAllocator({ address: '127.0.0.1', random: Math.random });
    for (let index = 0; index < (this.#options.servers ?? 1); index++) {
      const [client, monitor, cluster] = await allocator.reserve(`${index}`, [
        'client',
        'monitor',
        'cluster',
      ]);
      if (!client || !monitor || !cluster) throw new Error('no free ports');
      this.#ports.push({ client: client.port, monitor: monitor.port, cluster: cluster.port });
    }
  }

  async #prepare(binary: string, index: number): Promise<NatsServer> {
    const { client, monitor, cluster } = this.#ports[index] ?? { client: 0, monitor: 0, cluster: 0 };
    const { syncAlways = false, cuttable: isHidden = false, config: further = [] } = this.#options;
    const name = `nats-${index + 1}`;
    const dir = join(this.#options.dir, name);
    await mkdir(dir, { recursive: true });
    const text = configurationOf({
      name,
      clientPort: client,
      monitorPort: monitor,
      storeDir: join(dir, 'data'),
      syncAlways,
      ...(this.#ports.length > 1
        ? { cluster: { port: cluster, routes: await this.#routes(index), isHidden, further: [] } }
        : {}),
      further,
    });
    const paths = {
      binary,
      configFile: join(dir, 'nats-server.conf'),
      logFile: join(dir, 'nats-server.log'),
    };
    await writeFile(paths.configFile, text);
    return createNatsServer(paths, { name, url: `nats://127.0.0.1:${client}`, monitorPort: monitor });
  }

  /** The ports that lead from a server to the others. */
  async #routes(from: number): Promise<number[]> {
    const routes: number[] = [];
    for (const [to, { cluster }] of this.#ports.entries()) {
      if (to === from) continue;
      routes.push(this.#options.cuttable ? (await this.#link(cluster, [from, to])).port : cluster);
    }
    return routes;
  }

  async #link(port: number, ends: readonly number[]): Promise<Link> {
    const link = await openLink(port);
    this.#links.push({ ends, link });
    return link;
  }

  #needLinks(): void {
    if (!this.#options.cuttable) throw new Error('servers that were not started `cuttable` have no links');
  }
}

async function until(what: string, timeoutMs: number, isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await pause(POLL_MS);
  }
}
