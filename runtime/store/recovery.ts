/** Reads a store's directory back: the newest snapshot, then the journals after it. Changes nothing on disk. */
import { History } from './history.ts';
import { journalPath, listStore, type StoreFiles, snapshotPath } from './layout.ts';
import { knownKind, Replay, type ReplayBase, type ReplayEnd, refusal } from './replay.ts';
import { readSnapshot } from './snapshot.ts';
import { MutableState } from './state.ts';

export interface Recovery {
  /** Its revision is later than any that was ever given out: the next write takes the one after it. */
  readonly state: MutableState;
  readonly history: History;
  /** See `JournalRecord`. */
  readonly recorded: number;
  readonly reserved: number;
  /** The journal to go on with, and where; absent in a new directory. */
  readonly journal: ReplayEnd | undefined;
  /** Journals made in advance that nothing was written to. */
  readonly unused: readonly number[];
  /** Number of the snapshot that was read. */
  readonly snapshot: number | undefined;
  readonly snapshotBytes: number;
  readonly journalBytes: number;
  readonly records: number;
  /** Snapshots that cannot be read, and need not be: what was before them is still there. */
  readonly damaged: readonly number[];
  /** What was odd and is put right by itself, a sentence each. */
  readonly warnings: readonly string[];
}

/** @throws Error in one line, naming file and offset, where what was acknowledged cannot all be read */
export async function recover(dir: string, historyLimit: number): Promise<Recovery> {
  const files = await listStore(dir);
  const warnings: string[] = [];
  const damaged: number[] = [];
  const base = readNewestSnapshot(dir, files, { warnings, damaged });
  const first = base.number ?? 1;
  const journals = files.journals.filter((number) => number >= first);
  const last = Math.max(0, ...files.journals, ...files.snapshots);
  for (let number = first; number <= last; number++) {
    if (!journals.includes(number)) throw refusal(dir, `${journalPath(dir, number)} is missing`);
  }
  const { state } = base;
  const history = new History(historyLimit, state.revision);
  const replay = new Replay({ dir, base, history, warnings });
  for (const number of journals) replay.read(number);
  const { end, recorded, reserved, records, bytes } = replay;
  // A restart is a revision of its own: ephemeral objects are gone since the one before, and their watchers must notice.
  if (journals.length > 0) state.revision = Math.max(state.revision, recorded, reserved) + 1;
  history.forgetEphemeral(state.revision);
  return {
    state,
    history,
    recorded,
    reserved,
    journal: end,
    unused: journals.filter((number) => end && number > end.number),
    snapshot: base.number,
    snapshotBytes: base.bytes,
    journalBytes: bytes,
    records,
    damaged,
    warnings,
  };
}

interface Base extends ReplayBase {
  /** Of the snapshot. */
  readonly number: number | undefined;
  readonly bytes: number;
}

/** The newest snapshot that is whole; before the first one, a journal from its very beginning. */
function readNewestSnapshot(
  dir: string,
  files: StoreFiles,
  { warnings, damaged }: { warnings: string[]; damaged: number[] },
): Base {
  for (const number of [...files.snapshots].reverse()) {
    const state = new MutableState();
    try {
      const path = snapshotPath(dir, number);
      const { header, bytes } = readSnapshot(path, (object) => {
        knownKind(object, path);
        state.put(object);
      });
      state.revision = header.revision;
      return { state, number, recorded: header.recorded, reserved: header.reserved, bytes };
    } catch (error) {
      damaged.push(number);
      warnings.push(`${error instanceof Error ? error.message : String(error)}; reading what was before it`);
    }
  }
  if (files.snapshots.length > 0 && !files.journals.includes(1)) {
    throw refusal(dir, `${warnings.at(-1)?.split(';')[0]}, and there is nothing older to read instead`);
  }
  return { state: new MutableState(), number: undefined, recorded: 0, reserved: 0, bytes: 0 };
}
