/** A running `mill up` and its command line, as a user has them: processes, files and exit codes, nothing else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import type { Client } from '../../api/client/client.ts';
import { createHttpClient } from '../../api/client/http.ts';
import type { KindName, ObjectOf } from '../../api/kinds/index.ts';
import { killWorkloadsBelow, type Workload, workloadsBelow } from '../../hack/cluster/workloads.ts';

export const ROOT = new URL('../..', import.meta.url).pathname;
const MILL = join(ROOT, 'dist/main.js');
/** How long a test waits for something that should be there soon; generous, as CI machines are slow. */
const PATIENCE_MS = 60_000;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface MillOptions {
  readonly nodes?: number;
}

/** A mill of its own for one test: its data, its contexts, its ports. */
export class Mill {
  readonly home = mkdtempSync(join(tmpdir(), 'mill-test-'));
  /** Where the next start finds its state. */
  dataDir = join(this.home, 'data');
  readonly #nodes: number;
  readonly #others: ChildProcess[] = [];
  #process: ChildProcess | undefined;
  #url = '';

  private constructor(options: MillOptions) {
    this.#nodes = options.nodes ?? 3;
  }

  static async start(options: MillOptions = {}): Promise<Mill> {
    const mill = new Mill(options);
    await mill.up();
    return mill;
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts `mill up` and resolves when it says that it is ready. On a restart it listens where it did before. */
  async up(...more: readonly string[]): Promise<void> {
    const listen = this.#url ? new URL(this.#url).host : '127.0.0.1:0';
    const child = this.#spawn([
      'up',
      '--nodes',
      `${this.#nodes}`,
      '--listen',
      listen,
      '--data',
      this.dataDir,
      ...more,
    ]);
    this.#process = child;
    this.#url = await untilReady(child);
  }

  /** Starts `mill agent` for one more node, in a process of its own. */
  async agent(node: string): Promise<ChildProcess> {
    const child = this.#spawn([
      'agent',
      '--node',
      node,
      '--server',
      this.#url,
      '--data',
      join(this.home, node),
    ]);
    this.#others.push(child);
    await untilReady(child);
    return child;
  }

  /** Runs a mill command to its end. */
  async run(words: readonly string[], input?: string): Promise<Outcome> {
    const child = this.start(words);
    child.stdin?.end(input ?? '');
    return collect(child);
  }

  /** Runs a mill command that must succeed. */
  async ok(...words: string[]): Promise<string> {
    const outcome = await this.run(words);
    if (outcome.code !== 0) {
      throw new Error(`mill ${words.join(' ')}: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
    }
    return outcome.stdout;
  }

  /** Starts a mill command without waiting for it. */
  start(words: readonly string[]): ChildProcess {
    return this.#spawn(words, 'pipe');
  }

  async apply(...objects: object[]): Promise<Outcome> {
    return this.run(['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));
  }

  /** A client with the operator's own credential, for what a test has to watch closely. */
  client(): Client {
    const context = this.#context();
    return createHttpClient({ server: context.server, token: context.token, ca: context.ca });
  }

  async get<K extends KindName>(kind: K, name: string): Promise<ObjectOf<K>> {
    return this.client().get(kind, name);
  }

  async list<K extends KindName>(kind: K): Promise<readonly ObjectOf<K>[]> {
    return (await this.client().list(kind)).items;
  }

  /** Waits, by watching, until the objects of a kind are as `wanted` says. @throws Error that names what they were */
  async until<K extends KindName>(
    kind: K,
    what: string,
    wanted: (objects: readonly ObjectOf<K>[]) => boolean,
  ): Promise<readonly ObjectOf<K>[]> {
    const client = this.client();
    const objects = new Map<string, ObjectOf<K>>();
    const list = await client.list(kind);
    for (const object of list.items) objects.set(object.metadata.name, object);
    if (wanted([...objects.values()])) return [...objects.values()];
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for await (const event of client.watch(kind, { resourceVersion: list.resourceVersion, signal })) {
      if (event.type === 'BOOKMARK') continue;
      if (event.type === 'DELETED') objects.delete(event.object.metadata.name);
      else objects.set(event.object.metadata.name, event.object);
      if (wanted([...objects.values()])) return [...objects.values()];
    }
    throw new Error(
      `${what}: not so within ${PATIENCE_MS} ms; ${kind} is ${JSON.stringify([...objects.values()])}`,
    );
  }

  /** Waits until every service has all its replicas, healthy and routed. */
  async untilHealthy(...services: string[]): Promise<void> {
    await this.until('Service', `${services} healthy`, (all) =>
      services.every((name) =>
        all.some(
          ({ metadata, spec, status }) =>
            metadata.name === name &&
            status.observedGeneration === metadata.generation &&
            status.ready === spec.replicas,
        ),
      ),
    );
  }

  /** SIGKILL, as a power cut does it. */
  async kill(): Promise<void> {
    if (this.#process) await kill(this.#process, 'SIGKILL');
  }

  /** The workloads that live. */
  workloads(): readonly Workload[] {
    return workloadsBelow(this.home);
  }

  /** Copies the data of the volumes, if there are any, from another data directory, as an operator does who moves. */
  takeVolumes(from: string): void {
    if (!existsSync(join(from, 'volumes'))) return;
    cpSync(join(from, 'volumes'), join(this.dataDir, 'volumes'), { recursive: true });
  }

  /** SIGTERM, as an operator ends it: its workloads are to end with it. */
  async stop(): Promise<void> {
    if (this.#process) await kill(this.#process, 'SIGTERM');
  }

  /** Ends everything that the test started, what outlived its agent as well, and deletes its files. */
  async close(): Promise<void> {
    for (const child of this.#others) await kill(child, 'SIGKILL');
    await this.stop();
    await killWorkloadsBelow(this.home);
    rmSync(this.home, { recursive: true, force: true });
  }

  #spawn(words: readonly string[], stdin: 'pipe' | 'ignore' = 'ignore'): ChildProcess {
    return spawn(process.execPath, [MILL, ...words], {
      stdio: [stdin, 'pipe', 'pipe'],
      env: {
        ...process.env,
        NO_COLOR: '1',
        XDG_CONFIG_HOME: join(this.home, 'config'),
        ...(this.#url ? { MILL_SERVER: this.#url } : {}),
      },
    });
  }

  #context(): { server: string; token: string; ca: string } {
    const name = new URL(this.#url).host.replace(/[^A-Za-z0-9.]/g, '_');
    return JSON.parse(readFileSync(join(this.home, 'config/mill/contexts', `${name}.json`), 'utf8'));
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Everything that a process says until it ends. */
export async function collect(child: ChildProcess): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

export async function untilReady(child: ChildProcess): Promise<string> {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  if (!child.stdout) throw new Error('no standard output');
  for await (const line of createInterface({ input: child.stdout })) {
    const ready = /ready.*?(https?:\/\/\S+)/.exec(line);
    if (!ready) continue;
    child.stdout.resume();
    return ready[1] ?? '';
  }
  throw new Error(`it ended before it was ready:\n${stderr}`);
}

export async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}
