/**
 * Bench of the copies that servers keep of the store in NATS, JSON lines: acknowledged at one server → heard at another, at
 * a steady rate; how long a server with 100,000 objects takes to open, and how much memory.
 *   npm run bench -- copies
 */

import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Actor, Store } from '../../api/store.ts';
import { emit, percentiles, round } from './measure.ts';
import { event } from './objects.ts';
import { startBenchNats } from './single-nats.ts';

const RATE_PER_SECOND = 1_000;
const RUN_MS = 5_000;
const MANY_OBJECTS = 100_000;
const FILL_AT_ONCE = 256;
const actor: Actor = { user: 'bench', groups: [] };

const put = (store: Store, name: string) => {
  const object = event(name);
  return store.commit(actor, () => ({ writes: [{ type: 'put', object }], result: undefined }));
};

/** Negative: the other server heard before the writer was answered. */
async function acknowledgedToOther(): Promise<void> {
  const nats = await startBenchNats();
  const [writer, other] = [await nats.open('writer'), await nats.open('other')];
  const acknowledgedAt = new Map<number, number>();
  const heardAt = new Map<number, number>();
  other.subscribe({ kinds: ['Event'] }, ({ revision }) => heardAt.set(revision, performance.now()));
  const commits: Promise<unknown>[] = [];
  const startedAt = performance.now();
  for (let sent = 0; performance.now() - startedAt < RUN_MS; ) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * RATE_PER_SECOND);
    for (; sent < due; sent++) {
      commits.push(
        put(writer, `event-${sent % 1_000}`).then(({ revision }) =>
          acknowledgedAt.set(revision, performance.now()),
        ),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(commits);
  await other.barrier();
  const times = [...acknowledgedAt].map(
    ([revision, at]) => (heardAt.get(revision) ?? Number.POSITIVE_INFINITY) - at,
  );
  emit({
    bench: 'copies.acknowledged-to-other',
    perSecond: Math.round(times.length / (RUN_MS / 1_000)),
    ...percentiles(times),
  });
  await nats.close();
}

async function openMany(): Promise<void> {
  const nats = await startBenchNats();
  const store = await nats.open('writer');
  for (let from = 0; from < MANY_OBJECTS; from += FILL_AT_ONCE) {
    const names = Array.from(
      { length: Math.min(FILL_AT_ONCE, MANY_OBJECTS - from) },
      (_, index) => `event-${from + index}`,
    );
    await Promise.all(names.map((name) => put(store, name)));
  }
  emit({ bench: 'copies.open', ...(await openElsewhere(nats.urls)) });
  await nats.close();
}

interface Opened {
  readonly objects: number;
  readonly ms: number;
  /** Of the whole process, its start included. */
  readonly cpuMs: number;
  readonly residentMb: number;
}

/** In a process of its own: its memory is the server's alone. */
function openElsewhere(urls: readonly string[]): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['open', ...urls]);
    child.once('message', (opened) => resolve(opened as Opened));
    child.once('error', reject);
  });
}

async function openHere(urls: readonly string[]): Promise<void> {
  const { openJetStreamStore } = await import('../../runtime/store/jetstream/store.ts');
  const { systemClock } = await import('../../api/clock.ts');
  const { silentLog } = await import('../../api/log.ts');
  const { mkdtemp, rm } = await import('node:fs/promises');
  const dir = await mkdtemp('/tmp/mill-bench-open-');
  const startedAt = performance.now();
  const store = await openJetStreamStore({
    nats: { servers: urls },
    bucket: 'bench',
    dir,
    serverId: 'opened',
    clock: systemClock,
    log: silentLog,
    admission: () => {},
  });
  const ms = round(performance.now() - startedAt, 0);
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  process.send?.({
    objects: store.state.count('Event'),
    ms,
    residentMb: Math.round(Number(resident) / 1_024),
  });
  await store.close();
  await rm(dir, { recursive: true, force: true });
  process.disconnect();
}

const [what, ...urls] = process.argv.slice(2);
if (what === 'open') await openHere(urls);
else {
  if (what !== 'many') await acknowledgedToOther();
  await openMany();
}
