/** States to back up: drawn at random, or as small as a test needs them. */
import fc from 'fast-check';
import { openBackup } from '../../../api/backup/read.ts';
import { captureState, writeBackup } from '../../../api/backup/write.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import { deepFreeze } from '../../../runtime/store/frozen.ts';
import { MutableState } from '../../../runtime/store/state.ts';
import { event } from '../../conformance/objects.ts';
import * as objects from '../../vocabulary/objects.ts';

/** Later than any object of a test. */
const REVISION = 1_000;
const ABOUT = { mill: '0.1.0', time: '2030-01-01T00:00:00.000Z' };

export function stateOf(...all: readonly AnyObject[]): MutableState {
  const state = new MutableState();
  for (const object of all) state.put(object);
  state.revision = REVISION;
  return state;
}

export const backupOf = (state: MutableState): Buffer =>
  Buffer.concat([...writeBackup(captureState(state), ABOUT)]);

/** Bytes as they come from a disk or a socket: in pieces that know nothing of lines. */
export async function* pieces(bytes: Uint8Array, size = 1_000): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

export async function readAll(bytes: Uint8Array, size?: number): Promise<AnyObject[]> {
  const found: AnyObject[] = [];
  for await (const object of (await openBackup(pieces(bytes, size))).objects) found.push(object);
  return found;
}

/** Why a backup is refused; undefined where it is not. */
export const refusalOf = (bytes: Uint8Array, size?: number): Promise<string | undefined> =>
  readAll(bytes, size).then(
    () => undefined,
    (error: Error) => error.message,
  );

const name = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const text = fc.string({ unit: 'binary', maxLength: 40 });
const builders: readonly ((name: string, text: string) => AnyObject)[] = [
  (id, note) => objects.node(id, { drainPolicy: { reason: note } }),
  (id, note) => objects.service(id, { template: { env: { NOTE: note } } }),
  (id, note) => objects.task(id, { template: { command: ['echo', note] } }),
  (id) => objects.alloc(id),
  (id, note) => objects.volume(id, {}, { message: note }),
  (id) => objects.migration(id),
  (id) => objects.peer(id),
  (id, note) => event(id, note),
  (id) => objects.nodeLease(id),
];

/** Objects of all kinds with any text in them; a name may come several times, the last one counts. */
export const states: fc.Arbitrary<MutableState> = fc
  .array(
    fc.record({
      build: fc.constantFrom(...builders),
      name,
      text,
      revision: fc.integer({ min: 1, max: REVISION }),
    }),
    { maxLength: 60 },
  )
  .map((drawn) =>
    stateOf(
      ...drawn.map(({ build, name: id, text: note, revision }) => {
        const object = build(id, note);
        const metadata = { ...object.metadata, resourceVersion: String(revision), annotations: { note } };
        return deepFreeze({ ...object, metadata });
      }),
    ),
  );
