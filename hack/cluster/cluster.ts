/** A whole cluster on loopback: NATS servers, mill servers, agents and a gateway, each a process that can be killed. */
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPortAllocator } from '../../runtime/ports.ts';
import type { NatsRelease } from '../nats/releases.ts';
import { type Nats, type NatsPath, startNats } from '../nats/servers.ts';
import { Program } from '../program.ts';
import { killWorkloadsBelow } from './workloads.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const MILL = join(ROOT, 'dist/main.js');
const SERVERS = ['server-1', 'server-2', 'server-3'];

export interface ClusterOptions {
  /** Everything that belongs to it; started there again it goes on. */
  readonly dir: string;
  readonly agents: number;
  readonly release?: NatsRelease;
  /** Each mill server reaches NATS by a path of its own that can be cut. */
  readonly cuttable?: boolean;
  /** NATS as `manifests/nats/` has it, with TLS and users. */
  readonly production?: boolean;
}

/** @throws Error with the last words of what did not start; nothing is left running */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { dir, release = 'current', cuttable = false, production = false } = options;
  await mkdir(dir, { recursive: true });
  const nats = await startNats({
    dir: join(dir, 'nats'),
    servers: 3,
    syncAlways: true,
    keep: true,
    release,
    cuttable,
    production,
  });
  const cluster = new Cluster(dir, nats, await portsOf(dir));
  try {
    await cluster.open(options);
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

export class Cluster {
  readonly dir: string;
  readonly nats: Nats;
  /** URL of each mill server. */
  readonly urls: readonly string[];
  readonly servers: readonly Program[];
  readonly agents: Program[] = [];
  readonly gateway: Program;
  /** By the index of its mill server, where it is cuttable. */
  readonly paths: NatsPath[] = [];
  /** By the index of its mill server. */
  readonly #wordsOfNats: (readonly string[])[] = [];

  constructor(dir: string, nats: Nats, ports: readonly number[]) {
    this.dir = dir;
    this.nats = nats;
    this.urls = ports.map((port) => `https://127.0.0.1:${port}`);
    this.servers = SERVERS.map((name, index) => this.#program(name, () => this.#serverWords(index)));
    this.gateway = this.#program('gateway', () => ['gateway']);
  }

  /** What a command of mill needs to find it. */
  get env(): Readonly<Record<'MILL_SERVER' | 'XDG_CONFIG_HOME', string>> {
    return { MILL_SERVER: this.urls.join(','), XDG_CONFIG_HOME: join(this.dir, 'config') };
  }

  /** `startCluster` calls it. */
  async open({ agents, cuttable, production }: ClusterOptions): Promise<void> {
    const login = production ? this.nats.production.millOptions : [];
    for (const index of this.servers.keys()) {
      if (cuttable) this.paths.push(await this.nats.path());
      const { urls } = this.paths[index] ?? this.nats;
      this.#wordsOfNats[index] = ['--nats', urls.join(','), ...login];
    }
    await Promise.all(this.servers.map((server) => server.start()));
    await mkdir(join(this.dir, 'volumes'), { recursive: true });
    for (let index = 1; index <= agents; index++) this.agents.push(await this.#agent(`node-${index}`));
    await Promise.all([...this.agents, this.gateway].map((program) => program.start()));
  }

  /** The mill server, agent or gateway of that name. */
  program(name: string): Program {
    const found = [...this.servers, ...this.agents, this.gateway].find((each) => each.name === name);
    if (!found) throw new Error(`there is no ${name}`);
    return found;
  }

  /** SIGKILL for everything at once, NATS and the workloads as well, as a power cut of all machines does it. */
  async powerCut(): Promise<void> {
    const programs = [...this.servers, ...this.agents, this.gateway, ...this.nats.servers];
    await Promise.all(programs.map((program) => program.kill()));
    await killWorkloadsBelow(this.dir);
  }

  /** Everything again, after a power cut; but for the agents in `later`, whose machines take longer. */
  async powerOn({ later = [] }: { later?: readonly string[] } = {}): Promise<void> {
    await Promise.all(this.nats.servers.map((server) => server.start()));
    await this.nats.ready();
    await Promise.all(this.servers.map((server) => server.start()));
    const programs = [...this.agents, this.gateway].filter(({ name }) => !later.includes(name));
    await Promise.all(programs.map((program) => program.start()));
  }

  /** Ends everything, workloads as well. Its files stay. */
  async close(): Promise<void> {
    await Promise.all([...this.agents, this.gateway].map((program) => program.stop()));
    await killWorkloadsBelow(this.dir); // an agent that is stopped leaves them to the next one; here there is none
    await Promise.all(this.servers.map((server) => server.stop()));
    await this.nats.close();
  }

  /** Local volumes move between nodes: all of these share one directory. */
  async #agent(name: string): Promise<Program> {
    const data = join(this.dir, name);
    await mkdir(data, { recursive: true });
    await symlink(join(this.dir, 'volumes'), join(data, 'volumes')).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error; // it was there before
    });
    return this.#program(name, () => ['agent', '--node', name, '--data', data]);
  }

  #serverWords(index: number): string[] {
    const name = SERVERS[index] ?? '';
    return [
      ...['server', '--name', name, '--data', join(this.dir, name), '--volumes', join(this.dir, 'volumes')],
      ...['--listen', new URL(this.urls[index] ?? '').host, ...(this.#wordsOfNats[index] ?? [])],
    ];
  }

  #program(name: string, words: () => readonly string[]): Program {
    return new Program({
      name,
      command: () => [process.execPath, MILL, ...words()],
      env: { ...process.env, ...this.env, NO_COLOR: '1' },
      logFile: join(this.dir, `${name}.log`),
      isReady: (said) => /^mill \w+ is ready/m.test(said),
    });
  }
}

/** The ports of the mill servers: the same ones whenever it is started, since commands and agents know them. */
async function portsOf(dir: string): Promise<readonly number[]> {
  const file = join(dir, 'ports.json');
  const known = await readFile(file, 'utf8').catch(() => undefined); // a new folder
  if (known) return JSON.parse(known) as readonly number[];
  const allocator = createPortAllocator({ address: '127.0.0.1', random: Math.random });
  const ports = (await allocator.reserve('servers', SERVERS)).map(({ port }) => port);
  await writeFile(file, JSON.stringify(ports));
  return ports;
}

/** Deletes the files of a cluster that is closed. */
export async function deleteCluster(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
}
