/** Makes an embedded store of the objects of a backup: all of it, or nothing. */
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AnyObject } from '../../api/kinds/index.ts';
import { syncDirectory } from './layout.ts';
import { createSegment } from './segment.ts';
import { snapshotHeader, writeSnapshot } from './snapshot.ts';

/** Numbered as if there had been a journal before it: without the snapshot the store must not look like a new one. */
const FIRST_SNAPSHOT = 2;
/**
 * How far the revisions of a restored store are beyond its backup's. The store that it was taken of went on, and gave
 * out more of them: to agents, which say how far they have come, and to watches, which resume there. Theirs must all
 * be in the past. At a hundred commits a second it went so far in four months.
 */
export const REVISION_GAP = 1_000_000_000;

export interface ImportedObjects {
  /** How many there are. */
  readonly count: number;
  /** Revision of the store that they are of. */
  readonly revision: number;
  /** To be read once. What it throws, the import throws. */
  readonly objects: AsyncIterable<AnyObject>;
}

/** @throws Error in one line where there is a store already, or anything else */
export async function refuseUnlessEmpty(dir: string): Promise<void> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length > 0) throw notEmpty(dir, names);
}

/**
 * The objects keep their resourceVersions; the store goes on after all that were ever given out.
 * @param dir where the store is to be; absent, or empty
 * @throws Error where it is not; nothing is changed then
 */
export async function importStore(dir: string, { count, revision, objects }: ImportedObjects): Promise<void> {
  await refuseUnlessEmpty(dir);
  const parent = dirname(dir);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await access(parent, constants.W_OK);
  const staging = await mkdtemp(`${dir}.restoring-`);
  try {
    const from = revision + REVISION_GAP;
    const header = snapshotHeader({ revision: from, recorded: from, reserved: from, objects: count });
    const neverAborted = new AbortController().signal;
    await writeSnapshot(staging, FIRST_SNAPSHOT, { header, objects }, neverAborted);
    await (await createSegment(staging, FIRST_SNAPSHOT)).handle.close();
    await takePlace(staging, dir);
    await syncDirectory(parent);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

/** By one rename, which fails where somebody has made a store there meanwhile. */
async function takePlace(staging: string, dir: string): Promise<void> {
  try {
    await rename(staging, dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') throw notEmpty(dir, await readdir(dir));
    throw error;
  }
}

const notEmpty = (dir: string, names: readonly string[]): Error =>
  new Error(
    `there is something in ${dir} (${names[0]}): a backup is restored only where nothing is; move it away first`,
  );
