/** The volumes of a node that is drained: those that an alloc takes along, and those that are just released. */
import { isTerminal } from '../../api/kinds/alloc.ts';
import { type DrainFailure, isLeaving } from '../../api/kinds/node.ts';
import type { Volume } from '../../api/kinds/volume.ts';
import type { Reader } from '../../api/store.ts';

export interface NodeVolumes {
  /** Attached to the node, or wanted there. */
  readonly here: readonly string[];
  /** Of these: those that no alloc of the node uses, and that can still be detached. */
  readonly idle: readonly string[];
  /** Of these: still wanted here, though no alloc uses them on a node that could take them. */
  readonly toRelease: readonly string[];
  /** Those that no alloc of the node uses, and that cannot be detached. */
  readonly failed: readonly DrainFailure[];
}

export function sortVolumes(node: string, reader: Reader): NodeVolumes {
  const volumes = reader.byIndex('Volume', 'node', node);
  const unused = volumes.filter((volume) => !usersOf(volume, reader).includes(node));
  const stuck = unused.filter((volume) => isStuck(volume, node));
  return {
    here: volumes.map(nameOf),
    idle: unused.filter((volume) => !stuck.includes(volume)).map(nameOf),
    toRelease: unused
      .filter(({ spec }) => spec.node === node)
      .filter((volume) => !usersOf(volume, reader).some((user) => canTake(user, reader)))
      .map(nameOf),
    failed: stuck.map(({ metadata, status }) => ({
      service: '',
      alloc: '',
      reason: 'VolumeFailed',
      message: `volume ${metadata.name} could not be detached: ${status.message ?? 'its driver gave no reason'}`,
    })),
  };
}

/** A volume that is used there is fetched by its controller; for one that stays away, nobody asks before that changes. */
function canTake(name: string, reader: Reader): boolean {
  const node = reader.get('Node', name);
  return node !== undefined && !node.spec.drain && !isLeaving(node) && node.status.phase !== 'down';
}

/** It was released, its controller has seen that, and it failed. */
const isStuck = ({ metadata, spec, status }: Volume, node: string): boolean =>
  status.phase === 'failed' &&
  status.node === node &&
  spec.node !== node &&
  (status.observedGeneration ?? metadata.generation) >= metadata.generation;

/** Nodes of the allocs that mount it and are not over. */
const usersOf = (volume: Volume, reader: Reader): string[] =>
  reader
    .byIndex('Alloc', 'volume', volume.metadata.name)
    .filter((alloc) => !isTerminal(alloc))
    .map((alloc) => alloc.spec.node);

const nameOf = (volume: Volume): string => volume.metadata.name;
