/** Starting and stopping processes for benches: mill itself, and a bare workload without it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const ROOT = new URL('../..', import.meta.url).pathname;
export const MILL = join(ROOT, 'dist/main.js');

/** Listens at once and stops at once: what is measured beside it is mill. */
export const WORKLOAD = [
  process.execPath,
  '-e',
  "process.on('SIGTERM', () => process.exit(0)); require('node:net').createServer(s => s.end()).listen(+process.env.PORT, '127.0.0.1')",
];

export interface RunningMill {
  readonly child: ChildProcess;
  readonly env: NodeJS.ProcessEnv;
  /** From the spawn to the line that says `ready`. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** Starts `mill up` on a fresh directory. */
export async function startMill(
  words: readonly string[],
  home = mkdtempSync(join(tmpdir(), 'mill-bench-')),
): Promise<RunningMill> {
  const env: NodeJS.ProcessEnv = { ...process.env, XDG_CONFIG_HOME: join(home, 'config'), NO_COLOR: '1' };
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [MILL, 'up', '--listen', '127.0.0.1:0', '--data', join(home, 'data'), '--log-level', 'error', ...words],
    { env, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /ready.*?(https?:\/\/[^\s,]+)/.exec(line)?.[1];
    if (!url) continue;
    const readyMs = performance.now() - startedAt;
    child.stdout.resume();
    return { child, env: { ...env, MILL_SERVER: url }, readyMs, stop: () => end(child) };
  }
  throw new Error('mill up ended before it was ready');
}

/** Runs a mill command to its end. @returns its output. @throws Error where it fails */
export async function mill(
  env: NodeJS.ProcessEnv,
  words: readonly string[],
  input?: string,
): Promise<string> {
  const child = spawn(process.execPath, [MILL, ...words], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  child.stdin.end(input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`mill ${words.join(' ')}: exit ${code}: ${output}`);
  return output;
}

/** One bare workload, listening. */
export async function startBare(port: number): Promise<ChildProcess> {
  const [command = '', ...rest] = WORKLOAD;
  const child = spawn(command, rest, {
    env: { ...process.env, PORT: `${port}` },
    stdio: 'ignore',
    detached: true,
  });
  while (!(await listens(port))) await new Promise((resolve) => setTimeout(resolve, 1));
  return child;
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return address !== null && typeof address !== 'string' ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Wall time of running a command to its end, in milliseconds. */
export async function timed(
  command: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(command, words, { env, stdio: 'ignore' });
  await once(child, 'exit');
  return performance.now() - startedAt;
}
