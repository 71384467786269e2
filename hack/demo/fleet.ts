/** The fleet of the demo: one process that is everything, or three servers on NATS, of which some are killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { startCluster } from '../cluster/cluster.ts';
import { clientOf, killLeaders } from '../cluster/leaders.ts';

const MILL = join(new URL('../..', import.meta.url).pathname, 'dist/main.js');
const READY_TIMEOUT_MS = 30_000;
/** How often it is looked whether the drain moves something. */
const LOOK_EVERY_MS = 100;

export interface Fleet {
  /** What a command of mill needs to find it. */
  readonly env: Readonly<Record<string, string>>;
  /** Does its worst as soon as something moves. Absent where nothing can be spared. @returns what it did, in words */
  readonly killAmidst?: () => Promise<string>;
  close(): Promise<void>;
}

/** `mill up` with three nodes. */
export async function startUp(home: string): Promise<Fleet> {
  const config = { XDG_CONFIG_HOME: join(home, 'config') };
  const child = spawn(
    process.execPath,
    [MILL, 'up', '--listen', '127.0.0.1:0', '--data', join(home, 'data')],
    {
      env: { ...process.env, ...config },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const url = await urlOf(child);
  return { env: { ...config, MILL_SERVER: url }, close: () => end(child) };
}

/** Three NATS servers, three mill servers, three agents and a gateway. */
export async function startServers(home: string): Promise<Fleet> {
  const cluster = await startCluster({ dir: home, agents: 3 });
  const killAmidst = async () => {
    const client = await clientOf(cluster);
    const giveUpAt = Date.now() + READY_TIMEOUT_MS;
    try {
      while ((await client.list('Migration')).items.length === 0) {
        if (Date.now() > giveUpAt) throw new Error('the drain moves nothing');
        await pause(LOOK_EVERY_MS);
      }
      const [server, nats] = await killLeaders(cluster, client, 'drain');
      return `killed in the middle: ${server?.name}, which led the drain, and ${nats?.name}, which led the log`;
    } finally {
      client.close();
    }
  };
  return { env: cluster.env, killAmidst, close: () => cluster.close() };
}

async function urlOf(child: ChildProcess): Promise<string> {
  const failed = once(child, 'exit').then(() =>
    Promise.reject(new Error('mill up ended before it was ready')),
  );
  const timeout = pause(READY_TIMEOUT_MS, undefined, { ref: false }).then(() =>
    Promise.reject(new Error('mill up was not ready in time')),
  );
  for (const other of [failed, timeout]) other.catch(() => undefined);
  const ready = (async () => {
    if (!child.stdout) throw new Error('mill up has no output');
    for await (const line of createInterface({ input: child.stdout })) {
      process.stdout.write(`${line}\n`);
      const url = /ready.*?(https?:\/\/\S+)/.exec(line)?.[1];
      if (url) return url;
    }
    return failed;
  })();
  return Promise.race([ready, failed, timeout]);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
