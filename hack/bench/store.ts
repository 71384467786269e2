/**
 * Bench of the embedded store, a JSON line a result: commits a second against a bare append and sync of the same
 * bytes on the same disk in the same run, acknowledged → watcher, and how long 100,000 objects take to open.
 *   npm run bench -- store [DIR]    about ten seconds; DIR is on the disk to measure (default: the temporary one)
 */
import fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../api/clock.ts';
import { silentLog } from '../../api/log.ts';
import type { Actor, Store } from '../../api/store.ts';
import { type EmbeddedStoreOptions, openEmbeddedStore } from '../../runtime/store/embedded.ts';
import { emit, measure, percentiles, perSecond, round } from './measure.ts';
import { event } from './objects.ts';

const IN_FLIGHT = [1, 16, 64];
/** Bare appends and commits take turns, so that a disk whose speed drifts is fair to both. */
const ROUNDS = 3;
const MANY_OBJECTS = 100_000;
/** Objects written by one commit while the large store is filled. */
const FILL_BATCH = 500;
const NAMES = 1_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const actor: Actor = { user: 'bench', groups: [] };

const dir = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'mill-bench-store-'));
async function commitsAgainstBareDisk(): Promise<void> {
  const store = await openEmbeddedStore(optionsFor(join(dir, 'commits')));
  const bare = fs.openSync(join(dir, 'bare'), 'w');
  const bareMs: number[] = [];
  const commitMs = new Map<number, number[]>(IN_FLIGHT.map((count) => [count, []]));
  for (let round = 0; round < ROUNDS; round++) {
    await measure(() => appendAndSync(bare), 1, bareMs);
    for (const count of IN_FLIGHT) await measure(() => put(store), count, commitMs.get(count) ?? []);
  }
  fs.closeSync(bare);
  const barePerSecond = perSecond(bareMs, 1);
  emit({ bench: 'store.bare-append-sync', perSecond: barePerSecond, ...percentiles(bareMs) });
  for (const [inFlight, times] of commitMs) {
    const rate = perSecond(times, inFlight);
    emit({
      bench: 'store.commit',
      inFlight,
      perSecond: rate,
      ofBare: Number((rate / barePerSecond).toFixed(2)),
      ...percentiles(times),
    });
  }
  await acknowledgedToWatcher(store);
  await store.close();
}

/** Negative: the watcher hears before the writer does. */
async function acknowledgedToWatcher(store: Store): Promise<void> {
  const times: number[] = [];
  let heardAt = 0;
  const stop = new AbortController();
  store.subscribe({ kinds: ['Event'], signal: stop.signal }, () => {
    heardAt = performance.now();
  });
  for (let turn = 0; turn < 1_000; turn++) {
    await put(store);
    times.push(heardAt - performance.now());
  }
  stop.abort();
  emit({ bench: 'store.acknowledged-to-watcher', ...percentiles(times) });
}

async function openManyObjects(): Promise<void> {
  // Compacted once, when all is there, so that the compaction is measured by itself.
  const options = { ...optionsFor(join(dir, 'many')), compactBytes: Number.MAX_SAFE_INTEGER };
  await fillAndCompact(options);
  collectGarbage();
  const before = process.memoryUsage();
  const openedAt = performance.now();
  const store = await openEmbeddedStore(options);
  const ms = round(performance.now() - openedAt);
  collectGarbage();
  const heapMiB = round((process.memoryUsage().heapUsed - before.heapUsed) / 2 ** 20);
  emit({ bench: 'store.open', objects: store.state.count('Event'), ms, heapMiB });
  await store.close();
}

async function fillAndCompact(options: EmbeddedStoreOptions): Promise<void> {
  const store = await openEmbeddedStore(options);
  for (let from = 0; from < MANY_OBJECTS; from += FILL_BATCH) {
    const writes = Array.from({ length: FILL_BATCH }, (_, index) => ({
      type: 'put' as const,
      object: event(`event-${from + index}`),
    }));
    await store.commit(actor, () => ({ writes, result: undefined }));
  }
  const compactedAt = performance.now();
  let longestMs = 0;
  let previous = performance.now();
  const lag = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - previous - 1);
    previous = performance.now();
  }, 1);
  await store.compact();
  clearInterval(lag);
  emit({
    bench: 'store.compact',
    objects: MANY_OBJECTS,
    ms: round(performance.now() - compactedAt),
    loopLagMs: round(longestMs),
  });
  await store.close();
}

function optionsFor(storeDir: string) {
  return { dir: storeDir, clock: systemClock, log: silentLog, admission: () => {} };
}

let written = 0;
function put(store: Store): Promise<unknown> {
  const object = event(`event-${written++ % NAMES}`);
  return store.commit(actor, () => ({ writes: [{ type: 'put', object }], result: undefined }));
}

const record = Buffer.from(JSON.stringify(event('event-0')));
let bareOffset = 0;
function appendAndSync(file: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.write(file, record, 0, record.length, bareOffset, (error) => {
      if (error) reject(error);
      else fs.fdatasync(file, (syncError) => (syncError ? reject(syncError) : resolve()));
    });
    bareOffset += record.length;
  });
}

try {
  await commitsAgainstBareDisk();
  await openManyObjects();
} finally {
  await rm(dir, { recursive: true, force: true });
}
