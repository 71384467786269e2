/**
 * The files of a store's directory. Snapshot N holds the state at the beginning of journal N, so that the newest
 * snapshot and the journals from its number on are the whole store; everything older may go.
 */
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Digits of the number in a file's name, so that a listing shows them in order. */
const NUMBER_DIGITS = 10;
const JOURNAL = /^journal-(\d+)\.log$/;
const SNAPSHOT = /^snapshot-(\d+)\.snap$/;
const UNFINISHED = /^snapshot-\d+\.tmp$/;

export interface StoreFiles {
  /** Numbers of the journals, rising. */
  readonly journals: readonly number[];
  /** Numbers of the snapshots, rising. */
  readonly snapshots: readonly number[];
  /** Paths of snapshots that were never finished. */
  readonly unfinished: readonly string[];
}

const padded = (number: number): string => String(number).padStart(NUMBER_DIGITS, '0');
export const journalPath = (dir: string, number: number): string =>
  join(dir, `journal-${padded(number)}.log`);
export const snapshotPath = (dir: string, number: number): string =>
  join(dir, `snapshot-${padded(number)}.snap`);
export const unfinishedPath = (dir: string, number: number): string =>
  join(dir, `snapshot-${padded(number)}.tmp`);

export async function listStore(dir: string): Promise<StoreFiles> {
  const names = await readdir(dir);
  return {
    journals: numbersIn(names, JOURNAL),
    snapshots: numbersIn(names, SNAPSHOT),
    unfinished: names.filter((name) => UNFINISHED.test(name)).map((name) => join(dir, name)),
  };
}

/** Deletes what the snapshot `base` has made needless. */
export async function removeOlder(dir: string, base: number): Promise<void> {
  const { journals, snapshots } = await listStore(dir);
  for (const number of snapshots) if (number < base) await rm(snapshotPath(dir, number), { force: true });
  for (const number of journals) if (number < base) await rm(journalPath(dir, number), { force: true });
  await syncDirectory(dir);
}

/** Makes the names in a directory durable: a file that was synced can still lose its name. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function numbersIn(names: readonly string[], pattern: RegExp): number[] {
  return names
    .map((name) => pattern.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}
