/**
 * A cluster on this machine: three NATS servers, three mill servers, N agents and a gateway. Ctrl-C ends it.
 *   npm run cluster -- --agents 3 --data /tmp/fleet
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CannotFetch } from '../nats/fetch.ts';
import { NATS_RELEASES, type NatsRelease } from '../nats/releases.ts';
import { optionsOf, refuse } from '../options.ts';
import { type Cluster, deleteCluster, startCluster } from './cluster.ts';

const MAX_AGENTS = 100;
const USAGE = 'usage: npm run cluster -- [--agents N=3] [--data DIR] [--nats current|stable]';

const ABOUT = 'Three NATS servers, three mill servers, agents and a gateway on this machine, until Ctrl-C.';

interface Wanted {
  readonly agents: number;
  readonly dir: string;
  readonly isKept: boolean;
  readonly release: NatsRelease;
}

await main().catch((error: Error) => {
  const isExpected = error instanceof CannotFetch;
  process.stderr.write(`cluster: ${isExpected ? error.message : (error.stack ?? error.message)}\n`);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  const { agents, dir, isKept, release } = wanted();
  const stopped = new Promise<void>((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop());
  });
  say(`three NATS servers, three mill servers, ${agents} agents and a gateway, in ${dir}`);
  const cluster = await startCluster({ dir, agents, release });
  say(instructions(cluster));
  await stopped;
  say('ending everything');
  await cluster.close();
  if (isKept) say(`its state is kept: start it again with --data ${dir}`);
  else await deleteCluster(dir);
}

function wanted(): Wanted {
  const { agents, data, nats } = optionsOf(`${USAGE}\n\n${ABOUT}`, {
    agents: { type: 'string', default: '3' },
    data: { type: 'string' },
    nats: { type: 'string', default: 'current' },
  });
  const count = Number(agents);
  if (!Number.isInteger(count) || count < 0 || count > MAX_AGENTS) {
    refuse(`--agents "${agents}": a number from 0 to ${MAX_AGENTS}\n${USAGE}`);
  }
  if (!(nats in NATS_RELEASES) || nats === 'old') {
    refuse(`--nats "${nats}": current or stable; three servers need no older one\n${USAGE}`);
  }
  const dir = data === undefined ? mkdtempSync(join(tmpdir(), 'mill-cluster-')) : resolve(data);
  return { agents: count, dir, isKept: data !== undefined, release: nats as NatsRelease };
}

function instructions(cluster: Cluster): string {
  const pids = [...cluster.nats.servers, ...cluster.servers, ...cluster.agents, cluster.gateway];
  return [
    'the cluster is ready',
    `  mill servers: ${cluster.urls.join(' ')}`,
    `  NATS servers: ${cluster.nats.urls.join(' ')}`,
    `  logs:         ${cluster.dir}/*.log ${cluster.dir}/nats/*/*.log`,
    `  processes:    ${pids.map(({ name, pid }) => `${name}=${pid}`).join(' ')}`,
    '',
    'in another terminal:',
    ...Object.entries(cluster.env).map(([name, value]) => `  export ${name}=${value}`),
    '  npx mill apply -f manifests/demo',
    '  npx mill nodes',
    '  npx mill drain node-3',
    '  kill -9 PID      # of any one server: nothing is lost',
  ].join('\n');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
