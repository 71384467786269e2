/** Reads a store's directory as a start would, and says what is there. Changes nothing. */
import { stat } from 'node:fs/promises';
import type { Clock } from '../../api/clock.ts';
import { KIND_NAMES } from '../../api/kinds/index.ts';
import type { Reader } from '../../api/store.ts';
import { listStore } from './layout.ts';
import { lockDirectory } from './lock.ts';
import { recover } from './recovery.ts';

export interface StoreReport {
  readonly dir: string;
  /** Number of the snapshot in use, absent where there is none yet. */
  readonly snapshot?: number;
  readonly snapshotBytes: number;
  readonly journalBytes: number;
  readonly journals: number;
  /** Records in the journals after the snapshot. */
  readonly records: number;
  readonly objects: number;
  /** Revision that the store would go on after. */
  readonly revision: number;
  /** The objects; absent where they cannot be read. */
  readonly state?: Reader;
  /** What the next start puts right by itself. */
  readonly warnings: readonly string[];
  /** What keeps the store from opening. */
  readonly problems: readonly string[];
}

/** @throws Error where there is no such directory, or a process has the store open */
export async function verifyStore(dir: string, clock: Clock): Promise<StoreReport> {
  if (!(await isDirectory(dir))) throw new Error(`there is no store in ${dir}`);
  const lock = await lockDirectory(dir, clock);
  try {
    return await report(dir);
  } finally {
    await lock.release();
  }
}

async function report(dir: string): Promise<StoreReport> {
  const journals = (await listStore(dir)).journals.length;
  const nothing = { dir, journals, snapshotBytes: 0, journalBytes: 0, records: 0, objects: 0, revision: 0 };
  try {
    const { state, snapshot, snapshotBytes, journalBytes, records, warnings } = await recover(dir, 0);
    const objects = KIND_NAMES.reduce((sum, kind) => sum + state.count(kind), 0);
    const { revision } = state;
    const read = {
      ...nothing,
      snapshotBytes,
      journalBytes,
      records,
      objects,
      revision,
      state,
      warnings,
      problems: [],
    };
    return snapshot === undefined ? read : { ...read, snapshot };
  } catch (error) {
    return { ...nothing, warnings: [], problems: [error instanceof Error ? error.message : String(error)] };
  }
}

/** Locking it would make it what it is not. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
