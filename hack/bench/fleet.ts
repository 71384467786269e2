/**
 * Bench of a drain in fleets of two sizes, without processes: the control plane on the store in NATS, agents that answer at
 * once, one node with 20 service allocs drained. What it costs must not depend on the size of the fleet.
 *   npm run bench -- fleet [NODES …]    10 and 5,000 where left out
 */
import { createLocalClient } from '../../api/client/local.ts';
import { systemClock, timestamp } from '../../api/clock.ts';
import { ADMIN_GROUP, CONTROLLER_GROUP } from '../../api/groups.ts';
import type { Alloc } from '../../api/kinds/alloc.ts';
import type { AnyObject } from '../../api/kinds/index.ts';
import type { Service } from '../../api/kinds/service.ts';
import { silentLog } from '../../api/log.ts';
import { admission } from '../../api/rules/index.ts';
import { ApiService } from '../../api/server/service.ts';
import type { Actor, Admission, Store } from '../../api/store.ts';
import { startControlPlane } from '../../controllers/processes/control-plane.ts';
import { healthyAlloc, node, service } from '../../test/vocabulary/objects.ts';
import { emit, round } from './measure.ts';
import { startBenchNats } from './single-nats.ts';

const SIZES = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10, 5_000];
const ALLOCS_PER_NODE = 20;
/** Drains of one fleet, each of another node; the first is left out. */
const DRAINS = 9;
/** Fleets that are drained before the first one that counts: the program warms up with them. */
const WARM_UP = [10, 10];
const SEED_AT_ONCE = 200;
/** No agent sends a heartbeat here. */
const NEVER_DOWN_MS = 24 * 60 * 60_000;

const SEEDER: Actor = { user: 'seeder', groups: [] };
const ADMIN: Actor = { user: 'admin', groups: [ADMIN_GROUP] };
const AGENTS: Actor = { user: 'system:controller:agents', groups: [CONTROLLER_GROUP] };
const ruled: Admission = (before, writes, actor) => {
  if (actor !== SEEDER) admission(before, writes, actor);
};

/** For each alloc. */
interface Drained {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** @returns the median of the drains */
async function measureFleet(nodes: number): Promise<Drained> {
  const nats = await startBenchNats();
  try {
    const store = await nats.open('bench', ruled);
    const objects = fleetOf(nodes);
    for (let from = 0; from < objects.length; from += SEED_AT_ONCE)
      await seed(store, objects.slice(from, from + SEED_AT_ONCE));
    const stop = new AbortController();
    const api = new ApiService({ store, clock: systemClock, admission });
    playAgents(store, api, stop.signal);
    const controlPlane = startControlPlane({
      store,
      service: api,
      clock: systemClock,
      random: Math.random,
      log: silentLog,
      volumeDrivers: {},
      downAfterMs: NEVER_DOWN_MS,
    });
    await until(store, () => controlPlane.queued() === 0);
    const drains: Drained[] = [];
    for (let index = 0; index < DRAINS; index++) drains.push(await drain(store, api, `node-${index}`));
    stop.abort();
    await controlPlane.stop();
    const counted = drains.slice(1);
    const wallMs = median(counted.map((each) => each.wallMs));
    return { wallMs, cpuMs: median(counted.map((each) => each.cpuMs)) };
  } finally {
    await nats.close();
  }
}

async function drain(store: Store, api: ApiService, name: string): Promise<Drained> {
  const client = createLocalClient(api, ADMIN);
  // What was drained before it has moved to those that are left.
  const { length: allocs } = store.state.byIndex('Alloc', 'node', name);
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  await client.patch('Node', name, { spec: { drain: true } });
  await until(store, () => store.state.get('Node', name)?.status.drain?.step === 'drained');
  const { user, system } = process.cpuUsage(cpu);
  const wallMs = (performance.now() - startedAt) / allocs;
  await client.patch('Node', name, { spec: { drain: false } });
  return { wallMs, cpuMs: (user + system) / 1_000 / allocs };
}

/** Each service has as many replicas as a node has allocs, on neighbouring nodes. */
function fleetOf(nodes: number): AnyObject[] {
  const capacity = { cpu: 1_000, memory: '1Ti', allocs: 1_000 };
  const all: AnyObject[] = [];
  for (let index = 0; index < nodes; index++) {
    all.push(node(`node-${index}`, { capacity }));
    const owner = service(`web-${index}`, { replicas: ALLOCS_PER_NODE, ports: [{ name: 'main' }] });
    all.push(owner, ...allocsOf(owner, index, nodes));
  }
  return all;
}

const allocsOf = (owner: Service, first: number, nodes: number): Alloc[] =>
  Array.from({ length: ALLOCS_PER_NODE }, (_, slot) =>
    healthyAlloc(`${owner.metadata.name}-${slot}`, owner, { node: `node-${(first + slot) % nodes}`, slot }),
  );

/** In place of all agents: what is to run is healthy at once, what is to stop is gone at once. */
function playAgents(store: Store, api: ApiService, signal: AbortSignal): void {
  const client = createLocalClient(api, AGENTS);
  store.subscribe({ kinds: ['Alloc'], signal }, ({ object, type }) => {
    if (object.kind !== 'Alloc' || type === 'deleted') return;
    const status = answerOf(object);
    if (status) void client.patch('Alloc', object.metadata.name, { status }, { subresource: 'status' });
  });
}

function answerOf({ spec, status }: Alloc): object | undefined {
  const now = timestamp(systemClock.now());
  if (spec.desired === 'stopped') {
    return status.phase === 'stopped' || status.route === 'routed'
      ? undefined
      : { phase: 'stopped', reason: 'Stopped', finishedAt: now };
  }
  return status.phase === 'pending' ? { phase: 'healthy', startedAt: now, healthyAt: now } : undefined;
}

const seed = (store: Store, objects: readonly AnyObject[]) =>
  Promise.all(
    objects.map((object) => store.commit(SEEDER, () => ({ writes: [{ type: 'put', object }], result: 0 }))),
  );

/** Looks after every change, and a moment later for what changes nothing. */
function until(store: Store, isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = new AbortController();
    const look = () => {
      if (!isTrue()) return;
      clearInterval(timer);
      stop.abort();
      resolve();
    };
    const timer = setInterval(look, 50);
    store.subscribe({ signal: stop.signal }, look);
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

for (const nodes of WARM_UP) await measureFleet(nodes);
let first: Drained | undefined;
for (const nodes of SIZES) {
  const each = await measureFleet(nodes);
  first ??= each;
  emit({
    bench: 'fleet.drain',
    nodes,
    allocs: nodes * ALLOCS_PER_NODE,
    msPerAlloc: round(each.wallMs, 2),
    cpuMsPerAlloc: round(each.cpuMs, 2),
    ofFirst: round(each.wallMs / first.wallMs, 2),
  });
}
