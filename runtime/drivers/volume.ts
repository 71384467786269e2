/** What the volume controller and the agents' mounts ask of a driver for volumes. */
import type { Volume } from '../../api/kinds/volume.ts';
import { bytes } from '../../api/quantity.ts';

export interface VolumeRef {
  readonly name: string;
  /** The object's uid: two volumes of one name, one after the other, never share data. */
  readonly uid: string;
  readonly sizeBytes: number;
  /** What `provision` returned: where the driver, or the node's half of it, finds the volume. */
  readonly handle?: string;
}

export const volumeRef = ({ metadata, spec, status }: Volume): VolumeRef => ({
  name: metadata.name,
  uid: metadata.uid,
  sizeBytes: bytes(spec.size),
  ...(status.handle === undefined ? {} : { handle: status.handle }),
});

/**
 * The control-plane half: which node a volume is attached to. At most one at any time; all calls are idempotent. Two
 * calls for one volume are carried out one after the other, or the second one throws (as CSI's ABORTED), also when who
 * made the first is gone: an attach that returned cannot be undone by a detach that was made before it.
 */
export interface VolumeDriver {
  /** Makes the volume exist, detached and empty, unless it exists. Returns the driver's handle for it. */
  provision(volume: VolumeRef): Promise<string>;
  /** @throws Error where it is attached to another node: the driver never moves what was not detached */
  attach(volume: VolumeRef, node: string): Promise<void>;
  /** Detached already, or unknown: success. */
  detach(volume: VolumeRef, node: string): Promise<void>;
  /** The node it is attached to now, as the driver sees it. */
  attachedTo(volume: VolumeRef): Promise<string | undefined>;
  /** Deletes the volume and its data. Absence is success. @throws Error while it is attached */
  destroy(volume: VolumeRef): Promise<void>;
}

/** The node's half: an attached volume becomes a directory, and stops being one. Idempotent. */
export interface VolumeMounter {
  /** @returns the directory under which the volume's data is */
  mount(volume: VolumeRef, node: string): Promise<string>;
  unmount(volume: VolumeRef, node: string): Promise<void>;
}
