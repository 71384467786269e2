/**
 * Bench of a drain, a JSON line: a node with 100 service allocs, moved one at a time, beside a bare script that starts,
 * probes and stops the same processes one after another, in the same run.
 *   npm run bench -- drain [ALLOCS]
 */
import { stringify } from 'yaml';
import { end, freePorts, mill, startBare, startMill, WORKLOAD } from './processes.ts';

const ALLOCS = Number(process.argv[2] ?? 100);

const bareMs = await bare();
const drainMs = await drain();
console.log(
  JSON.stringify({
    bench: 'drain',
    allocs: ALLOCS,
    drainMs: Math.round(drainMs),
    bareMs: Math.round(bareMs),
    ratio: Number((drainMs / bareMs).toFixed(3)),
    ownMsPerAlloc: Number(((drainMs - bareMs) / ALLOCS).toFixed(2)),
  }),
);

/** What nobody could do without: start the replacement, see it listen, stop the original, see it gone. */
async function bare(): Promise<number> {
  const originals = [];
  for (const port of await freePorts(ALLOCS)) originals.push(await startBare(port));
  const ports = await freePorts(ALLOCS);
  const replacements = [];
  const startedAt = performance.now();
  for (const [index, original] of originals.entries()) {
    replacements.push(await startBare(ports[index] ?? 0));
    await end(original);
  }
  const tookMs = performance.now() - startedAt;
  await Promise.all(replacements.map(end));
  return tookMs;
}

/** `mill drain` as a user runs it, the start of the command included. */
async function drain(): Promise<number> {
  const running = await startMill(['--nodes', '2']);
  try {
    const { env } = running;
    const nodes = ['node-1', 'node-2'].map((name) => ({
      apiVersion: 'mill.dev/v1alpha1',
      kind: 'Node',
      metadata: { name },
      spec: { capacity: { cpu: 1_000, memory: '1Ti', allocs: 1_000 }, unschedulable: name === 'node-1' },
    }));
    const services = Array.from({ length: ALLOCS }, (_, index) => ({
      apiVersion: 'mill.dev/v1alpha1',
      kind: 'Service',
      metadata: { name: `s${index}` },
      spec: {
        replicas: 1,
        ports: [{ name: 'main' }],
        template: { command: WORKLOAD, stopGrace: '5s', resources: { cpu: '10m', memory: '16Mi' } },
      },
    }));
    const manifest = [...nodes, ...services].map((object) => stringify(object)).join('---\n');
    await mill(env, ['apply', '-f', '-'], manifest);
    await healthy(env);
    await mill(env, ['uncordon', 'node-1']);
    const startedAt = performance.now();
    await mill(env, ['drain', 'node-2']);
    return performance.now() - startedAt;
  } finally {
    await running.stop();
  }
}

async function healthy(env: NodeJS.ProcessEnv): Promise<void> {
  for (;;) {
    const list = JSON.parse(await mill(env, ['get', 'services', '-o', 'json'])) as {
      items: { status: { ready: number } }[];
    };
    if (list.items.length === ALLOCS && list.items.every(({ status }) => status.ready === 1)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
