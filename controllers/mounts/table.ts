/** The volumes that an agent has mounted, and what went wrong with those that it could not. */
import type { VolumeMounter, VolumeRef } from '../../runtime/drivers/volume.ts';

interface Mount {
  readonly ref: VolumeRef;
  readonly directory: string;
  /** False once it is not known any more whether the volume is still attached here. */
  isCertain: boolean;
}

export class MountTable {
  readonly #mounter: VolumeMounter;
  readonly #node: string;
  readonly #mounts = new Map<string, Mount>();
  readonly #problems = new Map<string, string>();
  readonly #listeners = new Set<(volume: string) => void>();

  constructor(mounter: VolumeMounter, node: string) {
    this.#mounter = mounter;
    this.#node = node;
  }

  /** The directory under which the volume's data is; undefined where it is not safe to write there. */
  directory(volume: string): string | undefined {
    const mount = this.#mounts.get(volume);
    return mount?.isCertain ? mount.directory : undefined;
  }

  /** Why the volume could not be mounted. */
  problem(volume: string): string | undefined {
    return this.#problems.get(volume);
  }

  /** True where there is something to unmount. */
  holds(volume: string): boolean {
    return this.#mounts.has(volume);
  }

  /** True where this very volume, not an earlier one of its name, is mounted and may be written to. */
  isMounted({ name, uid }: Pick<VolumeRef, 'name' | 'uid'>): boolean {
    return this.directory(name) !== undefined && this.#mounts.get(name)?.ref.uid === uid;
  }

  /** Calls back with the name of a volume that was mounted, unmounted, or could not be. */
  onChange(listener: (volume: string) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
  }

  async mount(ref: VolumeRef): Promise<void> {
    try {
      const directory = await this.#mounter.mount(ref, this.#node);
      this.#mounts.set(ref.name, { ref, directory, isCertain: true });
      this.#problems.delete(ref.name);
    } catch (error) {
      this.#problems.set(ref.name, error instanceof Error ? error.message : String(error));
      throw error;
    } finally {
      this.#changed(ref.name);
    }
  }

  /** From the moment of the call on, its directory is not given out any more. */
  async unmount(ref: VolumeRef): Promise<void> {
    const mount = this.#mounts.get(ref.name);
    if (mount) mount.isCertain = false;
    await this.#mounter.unmount(mount?.ref ?? ref, this.#node);
    this.#mounts.delete(ref.name);
    this.#problems.delete(ref.name);
    this.#changed(ref.name);
  }

  /** The same for a volume of which only the name is left. Nothing where it is not mounted. */
  async unmountByName(volume: string): Promise<void> {
    const mount = this.#mounts.get(volume);
    if (mount) await this.unmount(mount.ref);
  }

  /** The node may have been given up: each volume has to be confirmed and mounted again before it is used. */
  doubt(): void {
    for (const [volume, mount] of this.#mounts) {
      mount.isCertain = false;
      this.#changed(volume);
    }
  }

  #changed(volume: string): void {
    for (const listener of this.#listeners) listener(volume);
  }
}
