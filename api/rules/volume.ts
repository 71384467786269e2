/** Invariant 3: a volume is on one node at most, never under two writers, and never pulled from a live one. */
import { type Alloc, isTerminal } from '../kinds/alloc.ts';
import type { Volume } from '../kinds/volume.ts';
import type { Reader } from '../store.ts';
import { type Objection, type Proposal, rule } from './rule.ts';

export const oneNode = rule(
  'Volume',
  'A volume that is attached to a node is detached there before it is attached elsewhere.',
  ({ before, old, next }: Proposal<'Volume'>) => {
    const from = old?.status.node;
    if (!from || !next) return undefined;
    const isLeft = next.status.node !== from;
    // By force only from a node that is lost still when this lands: it may just have come back.
    const isLeaving = beginsToLeave(old, next);
    if (!isLeft && !isLeaving) return undefined;
    const field = 'status.node';
    if (isLeft && next.status.node)
      return { field, message: `it is attached to ${from}; detach it there first` };
    return old.status.mounted && isAlive(before, from)
      ? { field, message: `it is mounted on ${from}` }
      : undefined;
  },
);

export const notPulledFromWriter = rule(
  'Volume',
  'A volume is not detached, nor wanted elsewhere, while a live node runs an alloc that mounts it.',
  ({ before, old, next }: Proposal<'Volume'>) => {
    const node = old?.status.node;
    if (!old || !node || !isAlive(before, node)) return undefined;
    const leaves =
      !next ||
      next.status.node !== node ||
      beginsToLeave(old, next) ||
      (next.spec.node !== node && old.spec.node === node);
    if (!leaves) return undefined;
    const writer = mountingOn(before, old, node).find((alloc) => alloc.status.phase !== 'suspended');
    return writer && { field: 'spec.node', message: `alloc ${writer.metadata.name} on ${node} mounts it` };
  },
);

export const attachableNode = rule(
  'Volume',
  'A volume is attached, and wanted, on a node that exists and is not removed; on a draining one only to bring a suspended alloc back.',
  ({ before, old, next }: Proposal<'Volume'>) => {
    if (!next) return undefined;
    if (next.spec.node && next.spec.node !== old?.spec.node) {
      return attachObjection(before, next, next.spec.node, 'spec.node');
    }
    if (next.status.node && next.status.node !== old?.status.node) {
      return attachObjection(before, next, next.status.node, 'status.node');
    }
    return undefined;
  },
);

export const oneWriter = rule(
  'Alloc',
  'An alloc mounts volumes that exist and that no other alloc mounts, but for the one that it replaces.',
  ({ before, old, next }: Proposal<'Alloc'>) => {
    if (old || !next) return undefined;
    for (const [index, mount] of (next.spec.template.volumes ?? []).entries()) {
      const field = `spec.template.volumes[${index}].volume`;
      const volume = before.get('Volume', mount.volume);
      if (!volume || volume.metadata.deletionTimestamp)
        return { field, message: `volume ${mount.volume} does not exist` };
      const other = before
        .byIndex('Alloc', 'volume', mount.volume)
        .find((alloc) => !isTerminal(alloc) && alloc.metadata.name !== next.spec.replaces);
      if (other)
        return { field, message: `volume ${mount.volume} is mounted by alloc ${other.metadata.name}` };
    }
    return undefined;
  },
);

export const oneReplicaWithVolume = rule(
  'Service',
  'A service with a volume has one replica, and shares the volume with no other service.',
  ({ before, next }: Proposal<'Service'>) => {
    const mounts = next?.spec.template.volumes ?? [];
    if (!next || mounts.length === 0) return undefined;
    if (next.spec.replicas > 1) {
      const message = `must be at most 1: volume ${mounts[0]?.volume} has a single writer (got ${next.spec.replicas})`;
      return { field: 'spec.replicas', message: `spec.replicas: ${message}` };
    }
    for (const [index, mount] of mounts.entries()) {
      const other = before
        .byIndex('Service', 'volume', mount.volume)
        .find((service) => service.metadata.name !== next.metadata.name);
      if (other) {
        const field = `spec.template.volumes[${index}].volume`;
        return {
          field,
          message: `${field}: volume ${mount.volume} belongs to service ${other.metadata.name}`,
        };
      }
    }
    return undefined;
  },
);

const beginsToLeave = (old: Volume, next: Volume): boolean =>
  next.status.phase === 'detaching' && old.status.phase !== 'detaching';

function attachObjection(before: Reader, volume: Volume, name: string, field: string): Objection | undefined {
  const node = before.get('Node', name);
  if (!node) return { field, message: `node ${name} does not exist` };
  if (node.spec.removed || node.metadata.deletionTimestamp)
    return { field, message: `node ${name} is being removed` };
  if (!node.spec.drain) return undefined;
  const comesBack = mountingOn(before, volume, name).some(
    (alloc) => alloc.spec.desired !== 'stopped' && wasSuspended(alloc),
  );
  return comesBack ? undefined : { field, message: `node ${name} is draining` };
}

/** Suspended, or on its way out of it: the alloc that a way back brings its volume home to. */
const wasSuspended = (alloc: Alloc): boolean =>
  alloc.status.phase === 'suspended' || alloc.status.suspendedAt !== undefined;

const mountingOn = (before: Reader, volume: Volume, node: string): Alloc[] =>
  before
    .byIndex('Alloc', 'volume', volume.metadata.name)
    .filter((alloc) => alloc.spec.node === node && !isTerminal(alloc));

/** A node that is down has fenced its writers; one that is gone has none. */
function isAlive(before: Reader, name: string): boolean {
  const node = before.get('Node', name);
  return node !== undefined && node.status.phase !== 'down';
}
