/** Several `mill server` processes on one NATS cluster, each with a way of its own to it that can be cut. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttpClient, type HttpClient } from '../../api/client/http.ts';
import type { KindName, ObjectOf } from '../../api/kinds/index.ts';
import { type Nats, type NatsPath, startNats } from '../../hack/nats/servers.ts';
import { natsDir } from '../vocabulary/nats.ts';
import { collect, kill, type Outcome, ROOT, untilReady } from './mill.ts';

const MILL = join(ROOT, 'dist/main.js');
/** How long a test waits for something that should be there soon; generous, as CI machines are slow. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 50;

export interface Context {
  readonly server: string;
  readonly token: string;
  readonly ca: string;
}

export class MillServers {
  readonly home = mkdtempSync(join(tmpdir(), 'mill-servers-'));
  readonly nats: Nats;
  readonly #servers = new Map<string, MillServer>();
  readonly #clients: HttpClient[] = [];

  private constructor(nats: Nats) {
    this.nats = nats;
  }

  static async start(...names: string[]): Promise<MillServers> {
    const nats = await startNats({ dir: await natsDir(), servers: 3, cuttable: true });
    const servers = new MillServers(nats);
    for (const name of names) await servers.add(name);
    return servers;
  }

  server(name: string): MillServer {
    const server = this.#servers.get(name);
    if (!server) throw new Error(`there is no server ${name}`);
    return server;
  }

  /** Starts one more, or one again. */
  async add(name: string): Promise<MillServer> {
    const path = this.#servers.get(name)?.path ?? (await this.nats.path());
    const child = this.#spawn(['server', ...this.#options(name, join(this.home, name), path)]);
    const server = new MillServer(name, child, path, await untilReady(child));
    this.#servers.set(name, server);
    return server;
  }

  /** A server that is expected not to start. */
  async refused(name: string, data: string): Promise<Outcome> {
    const path = await this.nats.path();
    return collect(this.#spawn(['server', ...this.#options(name, join(this.home, data), path)]));
  }

  /** `mill up` on the same state; resolves to the process and its URL. */
  async up(nodes: number): Promise<{ readonly child: ChildProcess; readonly url: string }> {
    const child = this.#spawn([
      'up',
      '--nodes',
      `${nodes}`,
      '--listen',
      '127.0.0.1:0',
      '--data',
      join(this.home, 'up'),
      '--nats',
      this.nats.urls.join(','),
    ]);
    return { child, url: await untilReady(child) };
  }

  context(url: string): Context {
    const name = new URL(url).host.replace(/[^A-Za-z0-9.]/g, '_');
    return JSON.parse(readFileSync(join(this.home, 'config/mill/contexts', `${name}.json`), 'utf8'));
  }

  /** A client of one server. */
  client(name: string): HttpClient {
    const { server, token, ca } = this.context(this.server(name).url);
    const client = createHttpClient({ server, token, ca });
    this.#clients.push(client);
    return client;
  }

  /** Role → who leads it, as one server sees it. */
  async leaders(by: string): Promise<ReadonlyMap<string, string | undefined>> {
    const { items } = await this.client(by).list('Leadership');
    return new Map(items.map(({ metadata, spec }) => [metadata.name, spec.server]));
  }

  /** Waits until the objects of a kind are, as one server sees them, as `wanted` says. */
  async until<K extends KindName>(
    by: string,
    kind: K,
    wanted: (objects: readonly ObjectOf<K>[]) => boolean,
  ): Promise<readonly ObjectOf<K>[]> {
    const client = this.client(by);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const { items } = await client.list(kind);
      if (wanted(items)) return items;
      if (signal.aborted) throw new Error(`not so in time; ${kind} is ${JSON.stringify(items)}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const { child } of this.#servers.values()) await kill(child, 'SIGKILL');
    await this.nats.close();
    rmSync(this.home, { recursive: true, force: true });
  }

  #options(name: string, data: string, path: NatsPath): string[] {
    return ['--nats', path.urls.join(','), '--name', name, '--data', data, '--listen', '127.0.0.1:0'];
  }

  #spawn(words: readonly string[]): ChildProcess {
    return spawn(process.execPath, [MILL, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', XDG_CONFIG_HOME: join(this.home, 'config') },
    });
  }
}

export class MillServer {
  readonly name: string;
  readonly child: ChildProcess;
  readonly path: NatsPath;
  readonly url: string;
  #said = '';

  constructor(name: string, child: ChildProcess, path: NatsPath, url: string) {
    this.name = name;
    this.child = child;
    this.path = path;
    this.url = url;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString();
    });
  }

  /** What it has logged since it was ready. */
  get said(): string {
    return this.#said;
  }
}
