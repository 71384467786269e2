/** `mill restore`, `mill verify`, and `mill backup` of a server that does not run: work on a store as a whole. */
import { resolve } from 'node:path';
import { auditState } from '../../api/audit/audit.ts';
import { type Problem, problemOf } from '../../api/audit/check.ts';
import type { OpenedBackup } from '../../api/backup/read.ts';
import { captureState, writeBackup } from '../../api/backup/write.ts';
import type { ObjectCounts, Restored, StorePlace, Stores, StoreVerdict } from '../../api/cli/stores.ts';
import { type Clock, timestamp } from '../../api/clock.ts';
import { type AnyObject, KIND_NAMES, type KindName } from '../../api/kinds/index.ts';
import type { Reader } from '../../api/store.ts';
import { checkStored } from '../../api/validation/stored.ts';
import { localVolumeHandle } from '../../runtime/drivers/local-volume.ts';
import { importStore, REVISION_GAP, refuseUnlessEmpty } from '../../runtime/store/import.ts';
import { MutableState } from '../../runtime/store/state.ts';
import { verifyStore } from '../../runtime/store/verify.ts';
import { storeDirectory, volumesDirectory } from './data-layout.ts';

/** Nobody reads more; what broke so much is told by the first ones. */
const MAX_PROBLEMS = 1_000;

export function createStores(clock: Clock): Stores {
  return {
    async backUp(data, mill) {
      const dir = storeDirectory(data);
      const { state, problems } = await verifyStore(dir, clock);
      if (!state) throw new Error(problems[0] ?? `the store in ${dir} cannot be read`);
      return writeBackup(captureState(state), { mill, time: timestamp(clock.now()) });
    },
    restore: (backup, place, options) => restore(backup, embeddedOnly(place), options),
    async verify(source) {
      if (!('backup' in source)) return verifyEmbedded(embeddedOnly(source), clock);
      return verifyBackup(source.backup, source.file);
    },
  };
}

function embeddedOnly(place: StorePlace): string {
  if ('data' in place) return place.data;
  throw new Error('--nats: this version keeps its state in the embedded store only; give --data');
}

async function restore(
  { header, objects }: OpenedBackup,
  data: string,
  { dryRun }: { readonly dryRun: boolean },
): Promise<Restored> {
  const dir = storeDirectory(data);
  const counts = new Counts();
  const moved = mapped(objects, (object) => {
    counts.add(object.kind);
    return atHome(object, volumesDirectory(resolve(data)));
  });
  await refuseUnlessEmpty(dir);
  if (dryRun) await readToEnd(moved);
  else await importStore(dir, { count: header.objects, revision: header.revision, objects: moved });
  return { place: dir, objects: counts.byKind, revision: header.revision + REVISION_GAP };
}

/** Local volumes are looked for in the data directory that the store is in now. */
function atHome(object: AnyObject, volumes: string): AnyObject {
  if (object.kind !== 'Volume' || object.spec.driver !== 'local' || object.status.handle === undefined) {
    return object;
  }
  const { name, uid } = object.metadata;
  return { ...object, status: { ...object.status, handle: localVolumeHandle(volumes, { name, uid }) } };
}

async function verifyEmbedded(data: string, clock: Clock): Promise<StoreVerdict> {
  const { dir, state, problems, warnings, revision, ...files } = await verifyStore(
    storeDirectory(data),
    clock,
  );
  const { objects: _, ...facts } = files;
  const unreadable = problems.map((message): Problem => ({ object: '', path: '', message }));
  const found = state ? [...atMost(MAX_PROBLEMS, storedProblems(state)), ...audit(state)] : [];
  const objects = state ? countsOf(state) : {};
  return { place: dir, revision, objects, facts, warnings, problems: [...unreadable, ...found] };
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
      for (const { field, message } of causes) {
        yield problemOf(object, field, message);
      }
    }
  }
}

class Counts {
  readonly byKind: Partial<Record<KindName, number>> = {};

  add(kind: KindName): void {
    this.byKind[kind] = (this.byKind[kind] ?? 0) + 1;
  }
}

const countsOf = (state: Reader): ObjectCounts =>
  Object.fromEntries(
    KIND_NAMES.map((kind) => [kind, state.count(kind)] as const).filter(([, count]) => count > 0),
  );

async function* mapped<T>(values: AsyncIterable<T>, change: (value: T) => T): AsyncGenerator<T> {
  for await (const value of values) yield change(value);
}

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
