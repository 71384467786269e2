/**
 * Bench of the JetStream engine, a JSON line a result: commits a second against raw JetStream with the same bytes in the
 * same run (the better of publishes and batches), on one server and on three, with either sync. etcd always syncs, so where
 * JetStream does, it is measured beside as well: puts of the same bytes on as many servers, through Node's gRPC client and over bare HTTP/2.
 *   npm run bench -- jetstream [1|3] [default|always] [1|16|64] [shared|apart]    each of them where left out
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../api/clock.ts';
import { silentLog } from '../../api/log.ts';
import type { Actor, Store } from '../../api/store.ts';
import { openJetStreamStore } from '../../runtime/store/jetstream/store.ts';
import { Subjects } from '../../runtime/store/jetstream/subjects.ts';
import { startNats } from '../nats/servers.ts';
import { assignCores, CORES, type Cores } from './cores.ts';
import { startEtcd } from './etcd.ts';
import { type EtcdClient, GrpcEtcdClient, LeanEtcdClient } from './etcd-client.ts';
import { lead } from './leaders.ts';
import { emit, measure, percentiles, perSecond, round } from './measure.ts';
import { event } from './objects.ts';
import { RAW_STREAM, RawStream } from './raw-stream.ts';

const SERVERS = [1, 3] as const;
const SYNCS = ['default', 'always'] as const;
const IN_FLIGHT = [1, 16, 64];
/** All take turns, so that a machine whose speed drifts is fair to each. A first round warms up and is left out. */
const ROUNDS = 4;
const ROUND_MS = 700;
const NAMES = 1_000;
const BUCKET = 'bench';

const actor: Actor = { user: 'bench', groups: [] };
/** Those of the values that the word at an index names; all where there is no such word. */
function wanted<T>(values: readonly T[], index: number): readonly T[] {
  const word = process.argv[index + 2];
  const found = values.filter((value) => word === undefined || String(value) === word);
  if (found.length > 0) return found;
  console.error(`bench: jetstream "${word}": one of ${values.join(', ')}`);
  process.exit(2);
}

const wantedServers = wanted(SERVERS, 0);
const wantedSyncs = wanted(SYNCS, 1);
const wantedInFlight = wanted(IN_FLIGHT, 2);
const wantedCores = wanted(CORES, 3);

async function compare(servers: 1 | 3, sync: (typeof SYNCS)[number]): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'mill-bench-jetstream-'));
  const nats = await startNats({ dir: join(dir, 'nats'), servers, syncAlways: sync === 'always' });
  const etcd = sync === 'always' ? await startEtcd(join(dir, 'etcd'), servers) : undefined;
  // Each client is connected to the server that leads, as etcd's is.
  const leader = nats.server(0);
  const store = await openJetStreamStore({
    nats: { servers: [leader.url] },
    bucket: BUCKET,
    dir: join(dir, 'memory'),
    serverId: 'bench',
    clock: systemClock,
    log: silentLog,
    admission: () => {},
  });
  const { stream } = new Subjects(BUCKET);
  const raw = await RawStream.open(leader.url, stream);
  const clients = etcd && {
    grpc: new GrpcEtcdClient(etcd.leader),
    lean: await LeanEtcdClient.open(etcd.leader),
  };
  try {
    await lead(nats, leader, [RAW_STREAM, stream]);
    const pids = [...nats.servers, ...(etcd?.programs ?? [])].flatMap(({ pid }) => pid ?? []);
    for (const cores of wantedCores) {
      await assignCores(cores, pids);
      for (const inFlight of wantedInFlight) {
        await takeTurns({ raw, store, clients }, inFlight);
        const times = noTimes();
        for (let turn = 0; turn < ROUNDS; turn++) await takeTurns({ raw, store, clients }, inFlight, times);
        report({ servers, sync, inFlight, cores }, times);
      }
    }
  } finally {
    await clients?.grpc.close();
    await clients?.lean.close();
    await store.close();
    await raw.close();
    await assignCores('shared', []);
    await etcd?.close();
    await nats.close();
    await rm(dir, { recursive: true, force: true });
  }
}

interface Contenders {
  readonly raw: RawStream;
  readonly store: Store;
  /** Absent: etcd would not be at the same durability. */
  readonly clients: { readonly grpc: EtcdClient; readonly lean: EtcdClient } | undefined;
}

/** How long each operation took, in milliseconds; empty where there was none. */
const noTimes = () => ({
  publishes: [] as number[],
  batches: [] as number[],
  commits: [] as number[],
  puts: [] as number[],
  leanPuts: [] as number[],
});

async function takeTurns(
  { raw, store, clients }: Contenders,
  inFlight: number,
  times = noTimes(),
): Promise<void> {
  await measure(() => raw.publish(), inFlight, times.publishes, ROUND_MS);
  if (inFlight > 1) await measure(() => raw.publishTogether(), inFlight, times.batches, ROUND_MS);
  await measure(() => put(store), inFlight, times.commits, ROUND_MS);
  if (!clients) return;
  await measure(() => clients.grpc.put(), inFlight, times.puts, ROUND_MS);
  await measure(() => clients.lean.put(), inFlight, times.leanPuts, ROUND_MS);
}

interface Setting {
  readonly servers: number;
  readonly sync: string;
  readonly inFlight: number;
  readonly cores: Cores;
}

function report(setting: Setting, times: ReturnType<typeof noTimes>): void {
  const { inFlight } = setting;
  const { publishes, batches, commits, puts, leanPuts } = times;
  const publish = perSecond(publishes, inFlight);
  const batch = batches.length > 0 ? perSecond(batches, inFlight) : 0;
  const commit = perSecond(commits, inFlight);
  emit({
    bench: 'jetstream.commit',
    ...setting,
    perSecond: commit,
    rawPublishes: publish,
    rawBatches: batch,
    ofRaw: round(commit / Math.max(publish, batch), 2),
    ...besideEtcd(commit, perSecond(puts, inFlight), perSecond(leanPuts, inFlight)),
    ...percentiles(commits),
  });
}

/** @param puts a second; not a number where etcd was not measured */
const besideEtcd = (commits: number, puts: number, leanPuts: number) =>
  Number.isNaN(puts)
    ? {}
    : {
        etcdPerSecond: puts,
        ofEtcd: round(commits / puts, 2),
        leanEtcdPerSecond: leanPuts,
        ofLeanEtcd: round(commits / leanPuts, 2),
      };

/** Made beforehand, as the bytes of the others are. */
const OBJECTS = Array.from({ length: NAMES }, (_, index) => event(`event-${index}`));
let written = 0;
function put(store: Store): Promise<unknown> {
  const object = OBJECTS[written++ % NAMES] ?? event('event-0');
  return store.commit(actor, () => ({ writes: [{ type: 'put', object }], result: undefined }));
}

for (const servers of wantedServers) {
  for (const sync of wantedSyncs) await compare(servers, sync);
}
