/**
 * Volumes as directories of one file system, for nodes that share a machine. Attaching is one atomic rename: of
 * two attachers the kernel lets one through.
 *
 *   DIR/NAME/UID/detached        the data, while no node has it
 *   DIR/NAME/UID/attached/NODE   the same directory, moved: an older holder's path leads nowhere then
 *   DIR/.new, DIR/.old           volumes on their way in and out
 */
import { mkdir, mkdtemp, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assertName } from './names.ts';
import type { VolumeDriver, VolumeMounter, VolumeRef } from './volume.ts';

/** How often a move is tried that found the volume in other hands, and then in none: somebody moved it meanwhile. */
const MOVE_ATTEMPTS = 5;
/** What the store gives out as uid, and what is safe as a file's name. */
const UID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/;

export interface LocalVolumeOptions {
  /** Shared by the control plane and all nodes; one file system, or renames fail. */
  readonly dir: string;
}

/** What the driver with `dir` calls a volume: the directory that holds its data. */
export const localVolumeHandle = (dir: string, { name, uid }: Pick<VolumeRef, 'name' | 'uid'>): string =>
  join(dir, name, uid);

/** `sizeBytes` is not enforced: a directory has no size of its own. */
export function createLocalVolumeDriver({ dir }: LocalVolumeOptions): VolumeDriver & VolumeMounter {
  return new LocalVolumeDriver(dir);
}

class LocalVolumeDriver implements VolumeDriver, VolumeMounter {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The volume appears whole, by one rename that fails where it is already: never a second, empty copy. */
  async provision(volume: VolumeRef): Promise<string> {
    const place = this.#place(volume);
    if (await exists(place)) return place;
    const siblings = join(this.#dir, volume.name);
    await Promise.all([
      mkdir(siblings, { recursive: true }),
      mkdir(join(this.#dir, '.new'), { recursive: true }),
    ]);
    const fresh = await mkdtemp(join(this.#dir, '.new', 'volume-'));
    try {
      await Promise.all([mkdir(join(fresh, 'detached')), mkdir(join(fresh, 'attached'))]);
      await syncDirectory(fresh);
      await rename(fresh, place);
    } catch (error) {
      await rm(fresh, { recursive: true, force: true });
      if (!isCode(error, 'ENOTEMPTY', 'EEXIST')) throw error; // else somebody provisioned it meanwhile
    }
    await Promise.all([syncDirectory(siblings), syncDirectory(this.#dir)]);
    return place;
  }

  async attach(volume: VolumeRef, node: string): Promise<void> {
    assertName('node', node);
    const place = this.#place(volume);
    for (let attempt = 0; attempt < MOVE_ATTEMPTS; attempt++) {
      const isMoved = await move(join(place, 'detached'), join(place, 'attached', node));
      const holder = isMoved ? node : await this.attachedTo(volume);
      if (holder === node) return syncMove(place); // also where an earlier attach was cut short before its sync
      if (holder) throw new Error(`volume "${volume.name}" is attached to node "${holder}"`);
      if (!(await exists(place))) throw new Error(`volume "${volume.name}" does not exist`);
    }
    throw new Error(`cannot attach volume "${volume.name}" to node "${node}": it is being moved or deleted`);
  }

  async detach(volume: VolumeRef, node: string): Promise<void> {
    assertName('node', node);
    const place = this.#place(volume);
    await move(join(place, 'attached', node), join(place, 'detached'));
    if (await exists(place)) await syncMove(place);
  }

  /** One directory read, of at most one entry, however many nodes there are. */
  async attachedTo(volume: VolumeRef): Promise<string | undefined> {
    const holders = await readdir(join(this.#place(volume), 'attached')).catch(ignoreAbsence);
    return holders?.[0];
  }

  /** Claimed by the same rename as an attach uses, so that the two cannot both succeed. */
  async destroy(volume: VolumeRef): Promise<void> {
    const place = this.#place(volume);
    if (!(await this.#claim(volume))) return;
    // Moved as a whole before it is deleted: one deleted by halves would look like one that lost its data.
    const old = join(this.#dir, '.old', volume.uid);
    await mkdir(join(this.#dir, '.old'), { recursive: true });
    await rm(old, { recursive: true, force: true });
    await move(place, old);
    await rm(old, { recursive: true, force: true });
    await rmdir(join(this.#dir, volume.name)).catch(() => {}); // another volume of that name is there
  }

  async mount(volume: VolumeRef, node: string): Promise<string> {
    assertName('node', node);
    // The control plane may keep its volumes elsewhere than this node would: the handle says where.
    const path = join(volume.handle ?? this.#place(volume), 'attached', node);
    if (!(await exists(path))) throw new Error(`volume "${volume.name}" is not attached to node "${node}"`);
    return path;
  }

  /** Nothing to do: a directory needs no mount. */
  async unmount(_volume: VolumeRef, node: string): Promise<void> {
    assertName('node', node);
  }

  /** Whether there is a volume to destroy, which nobody can attach any more from here on. */
  async #claim(volume: VolumeRef): Promise<boolean> {
    const place = this.#place(volume);
    for (let attempt = 0; attempt < MOVE_ATTEMPTS; attempt++) {
      if (await move(join(place, 'detached'), join(place, 'destroyed'))) return true;
      if (await exists(join(place, 'destroyed'))) return true; // an earlier attempt was cut short
      const holder = await this.attachedTo(volume);
      if (holder)
        throw new Error(`cannot delete volume "${volume.name}": it is attached to node "${holder}"`);
      if (!(await exists(place))) return false;
    }
    throw new Error(`cannot delete volume "${volume.name}": it is being moved`);
  }

  #place({ name, uid }: VolumeRef): string {
    assertName('volume', name);
    if (!UID_PATTERN.test(uid)) throw new Error(`volume "${name}" has a malformed uid`);
    return localVolumeHandle(this.#dir, { name, uid });
  }
}

/** Whether there was something to move. */
async function move(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Makes a move last: what was acknowledged must not come undone by a power cut, and give a volume two holders. */
async function syncMove(place: string): Promise<void> {
  await Promise.all([syncDirectory(join(place, 'attached')), syncDirectory(place)]);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const exists = async (path: string): Promise<boolean> =>
  (await stat(path).catch(ignoreAbsence)) !== undefined;

function ignoreAbsence(error: unknown): undefined {
  if (!isCode(error, 'ENOENT')) throw error;
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
