/** `mill restore`, `mill verify`, and `mill backup` where no server is asked: work on a store as a whole. */
import { resolve } from 'node:path';
import { auditState } from '../../../api/audit/audit.ts';
import { type Problem, problemOf } from '../../../api/audit/check.ts';
import type { OpenedBackup } from '../../../api/backup/read.ts';
import { captureState, writeBackup } from '../../../api/backup/write.ts';
import type {
  ObjectCounts,
  Restored,
  RestoreOptions,
  StorePlace,
  Stores,
  StoreVerdict,
} from '../../../api/cli/stores.ts';
import { type Clock, timestamp } from '../../../api/clock.ts';
import { type AnyObject, KIND_NAMES, type KindName } from '../../../api/kinds/index.ts';
import type { Reader } from '../../../api/store.ts';
import { checkStored } from '../../../api/validation/stored.ts';
import { localVolumeHandle } from '../../../runtime/drivers/local-volume.ts';
import { MutableState } from '../../../runtime/store/state.ts';
import type { StoreAccess } from './access.ts';
import { accessEmbedded } from './embedded.ts';

/** Nobody reads more; what broke so much is told by the first ones. */
const MAX_PROBLEMS = 1_000;

export function createStores(clock: Clock): Stores {
  return {
    backUp: (place, mill) => withAccess(place, clock, (store) => backUp(store, mill, clock)),
    restore: (backup, place, options) => withAccess(place, clock, (store) => restore(backup, store, options)),
    verify: (source) =>
      'backup' in source
        ? verifyBackup(source.backup, source.file)
        : withAccess(source, clock, (store) => verifyStore(store)),
  };
}

async function withAccess<T>(
  place: StorePlace,
  clock: Clock,
  work: (store: StoreAccess) => Promise<T>,
): Promise<T> {
  const store =
    'data' in place
      ? accessEmbedded(place.data, clock)
      : await (await import('./bucket.ts')).accessBucket(place.nats, clock);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function backUp(store: StoreAccess, mill: string, clock: Clock): Promise<Iterable<Uint8Array>> {
  const { state, problems, cluster } = await store.read();
  const [problem] = problems;
  if (!state || problem) {
    const reason = problem ? `${problem.path} ${problem.message}`.trim() : 'it cannot be read';
    throw new Error(`there is no backup of ${store.place}: ${reason}`);
  }
  const about = { mill, time: timestamp(clock.now()), ...(cluster === undefined ? {} : { cluster }) };
  return writeBackup(captureState(state), about);
}

async function restore(
  { header, objects }: OpenedBackup,
  store: StoreAccess,
  { dryRun, signal, volumes = store.volumes }: RestoreOptions,
): Promise<Restored> {
  await store.refuseUnlessEmpty();
  const home = volumes === undefined ? undefined : resolve(volumes);
  const byKind: Partial<Record<KindName, number>> = {};
  const adapted = (async function* () {
    for await (const object of objects) {
      signal.throwIfAborted();
      byKind[object.kind] = (byKind[object.kind] ?? 0) + 1;
      yield home === undefined ? object : atHome(object, home);
    }
  })();
  const { revision, objects: count } = header;
  if (dryRun) {
    await readToEnd(adapted);
    return { place: store.place, objects: byKind };
  }
  const goesOnAfter = await store.import({ count, revision, objects: adapted });
  return { place: store.place, objects: byKind, revision: goesOnAfter };
}

/** A local volume is looked for where its driver keeps volumes now. */
function atHome(object: AnyObject, volumes: string): AnyObject {
  if (object.kind !== 'Volume' || object.spec.driver !== 'local' || object.status.handle === undefined) {
    return object;
  }
  const { name, uid } = object.metadata;
  return { ...object, status: { ...object.status, handle: localVolumeHandle(volumes, { name, uid }) } };
}

async function verifyStore(store: StoreAccess): Promise<StoreVerdict> {
  const { state, revision, cluster, facts, warnings, problems } = await store.read();
  const found = state ? [...atMost(MAX_PROBLEMS, storedProblems(state)), ...audit(state)] : [];
  return {
    place: store.place,
    revision,
    objects: state ? countsOf(state) : {},
    facts: cluster === undefined ? facts : { ...facts, cluster },
    warnings,
    problems: [...problems, ...found],
  };
}

async function verifyBackup({ header, objects }: OpenedBackup, file: string): Promise<StoreVerdict> {
  const state = new MutableState();
  // Each was checked by itself while it was read.
  for await (const object of objects) state.put(object);
  state.revision = header.revision;
  const { mill, time, cluster, revision } = header;
  const facts = { mill, time, ...(cluster === undefined ? {} : { cluster }) };
  return { place: file, revision, objects: countsOf(state), facts, warnings: [], problems: audit(state) };
}

const audit = (state: Reader): Problem[] => [...atMost(MAX_PROBLEMS, auditState(state))];

/** Each object against its schema, as a backup's are while they are read. */
function* storedProblems(state: Reader): Generator<Problem> {
  for (const kind of KIND_NAMES) {
    for (const object of state.list(kind)) {
      const { causes } = checkStored(kind, structuredClone(object), state.revision);
      for (const { field, message } of causes) yield problemOf(object, field, message);
    }
  }
}

const countsOf = (state: Reader): ObjectCounts =>
  Object.fromEntries(
    KIND_NAMES.map((kind) => [kind, state.count(kind)] as const).filter(([, count]) => count > 0),
  );

async function readToEnd(values: AsyncIterable<unknown>): Promise<void> {
  const iterator = values[Symbol.asyncIterator]();
  while (!(await iterator.next()).done);
}

function* atMost<T>(limit: number, values: Iterable<T>): Generator<T> {
  let count = 0;
  for (const value of values) {
    if (count === limit) return;
    count += 1;
    yield value;
  }
}
