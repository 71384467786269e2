/**
 * `npm run demo`: a fleet of three, real services under real traffic; one machine is emptied and taken out.
 * `npm run demo -- --servers 3`: the same on three servers, while those that lead are killed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { optionsOf, refuse } from '../options.ts';
import { startServers, startUp } from './fleet.ts';
import { startTraffic, type Traffic } from './traffic.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const MILL = join(ROOT, 'dist/main.js');
const LEAVING = 'node-3';
const WEB = 'http://127.0.0.1:18080/';
const COUNTER = 'http://127.0.0.1:18081/next';
/** Traffic before the drain begins and after the node is gone, so that the summary compares like with like. */
const STEADY_MS = 2_000;
const READY_TIMEOUT_MS = 30_000;

const { servers } = optionsOf('usage: npm run demo -- [--servers 1|3]', {
  servers: { type: 'string', default: '1' },
});
if (servers !== '1' && servers !== '3') refuse(`--servers "${servers}": 1 or 3`);
const home = mkdtempSync(join(tmpdir(), 'mill-demo-'));
const env: NodeJS.ProcessEnv = { ...process.env };

await main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);

async function main(): Promise<number> {
  say(
    servers === '1'
      ? 'mill up: a store, an API server, controllers, a gateway and three nodes, in one process'
      : 'three NATS servers, three mill servers, three agents and a gateway, each a process',
  );
  const fleet = servers === '1' ? await startUp(home) : await startServers(home);
  Object.assign(env, fleet.env);
  const clients: Traffic[] = [];
  try {
    await mill('apply', '-f', join(ROOT, 'manifests/demo'));
    await untilHealthy();
    await mill('nodes');
    say(
      'steady traffic: keep-alive clients, one-connection-a-request clients, and one that counts on the volume',
    );
    const counter = watchCounter();
    clients.push(...webClients(), counter.traffic);
    await pause(STEADY_MS);
    say(`mill drain ${LEAVING}`);
    const [code, killed] = await Promise.all([mill('drain', LEAVING), fleet.killAmidst?.()]);
    const drained = code === 0;
    if (killed) say(killed);
    await mill('nodes');
    say(`mill remove ${LEAVING}`);
    const removed = (await mill('remove', LEAVING)) === 0;
    await pause(STEADY_MS);
    await Promise.all(clients.map((client) => client.stop()));
    await mill('nodes');
    await mill('status');
    return summary(clients, counter.problems(), drained, removed);
  } finally {
    await Promise.all(clients.map((client) => client.stop()));
    await fleet.close();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Both services have all their replicas: asked of mill itself. */
async function untilHealthy(): Promise<void> {
  const giveUpAt = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < giveUpAt) {
    const child = spawn(process.execPath, [MILL, 'get', 'services', '-o', 'json'], { env });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await once(child, 'close');
    const { items } = JSON.parse(text || '{"items":[]}') as {
      items: { spec: { replicas: number }; status: { ready: number } }[];
    };
    if (items.length === 2 && items.every((item) => item.status.ready === item.spec.replicas)) return;
    await pause(200);
  }
  throw new Error('the services did not get healthy in time; see `mill status`');
}

function webClients(): Traffic[] {
  const client = (keepAlive: boolean) => startTraffic({ url: WEB, keepAlive, pauseMs: 5 });
  return [client(true), client(true), client(true), client(false), client(false), client(false)];
}

/** The counter answers with each number once, in order: a lost write or a second writer would show. */
function watchCounter() {
  const problems: string[] = [];
  let last: number | undefined;
  const onBody = (body: string) => {
    const next = Number(body);
    if (last !== undefined && next !== last + 1) problems.push(`the counter went from ${last} to ${next}`);
    last = next;
  };
  return {
    traffic: startTraffic({ url: COUNTER, keepAlive: true, pauseMs: 20, onBody }),
    problems: () => problems,
  };
}

function summary(
  clients: readonly Traffic[],
  counter: readonly string[],
  drained: boolean,
  removed: boolean,
): number {
  const requests = clients.reduce((sum, client) => sum + client.requests, 0);
  const failures = [...clients.flatMap((client) => client.failures), ...counter];
  const slowestMs = Math.max(...clients.map((client) => client.slowestMs));
  for (const failure of failures.slice(0, 10)) say(`failed: ${failure}`);
  say(
    `slowest answer: ${Math.round(slowestMs)} ms; the counter's file is ${counter.length ? 'broken' : 'continuous'}`,
  );
  process.stdout.write(
    `demo: requests=${requests} failed=${failures.length} drained=${drained ? LEAVING : 'no'} removed=${removed ? LEAVING : 'no'}\n`,
  );
  return failures.length === 0 && drained && removed ? 0 : 1;
}

/** Runs a mill command on this terminal. @returns its exit code */
async function mill(...words: string[]): Promise<number> {
  const child = spawn(process.execPath, [MILL, ...words], { env, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function say(text: string): void {
  process.stdout.write(`\n── ${text}\n`);
}
