/** Puts a workload's volumes where it looks for them: symlinks in its own directory. */
import { lstat, mkdir, realpath, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import type { WorkloadSpec } from '../workload.ts';

/**
 * Makes `path` in the alloc's directory lead to each volume's `source`. An absolute path is taken below the
 * directory too: `/data` is `DIR/data`.
 * @throws Error where the path leads out of the directory, or something that is no symlink is there
 */
export async function placeVolumes(dir: string, volumes: WorkloadSpec['volumes']): Promise<void> {
  for (const { name, path, source } of volumes) {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    const refuse = (why: string) => new Error(`cannot place volume "${name}" at "${path}": ${why}`);
    if (parts.length === 0 || parts.includes('..'))
      throw refuse('the path is not inside the directory of the alloc');
    const link = join(dir, ...parts);
    const parent = await makeParents(dir, parts.slice(0, -1));
    if (!parent) throw refuse('the path leads out of the directory of the alloc');
    await replaceLink(join(parent, basename(link)), source, refuse);
  }
}

/**
 * One part at a time, each looked at before the next: an earlier run of the workload may have put a symlink to
 * anywhere in the way. Nothing is made outside the directory.
 */
async function makeParents(dir: string, parts: readonly string[]): Promise<string | undefined> {
  const root = await realpath(dir);
  let parent = root;
  for (const part of parts) {
    const next = join(parent, part);
    await mkdir(next).catch(ignoreExists);
    parent = await realpath(next);
    if (!parent.startsWith(root + sep)) return undefined;
  }
  return parent;
}

async function replaceLink(link: string, source: string, refuse: (why: string) => Error): Promise<void> {
  const there = await lstat(link).catch(() => undefined);
  if (there && !there.isSymbolicLink()) throw refuse(`"${basename(link)}" is already in ${dirname(link)}`);
  if (there) await unlink(link);
  await symlink(source, link);
}

function ignoreExists(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
