/** What the volume controller judges by: who mounts the volume, where it should be, and where its driver sees it. */
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import type { Node } from '../../api/kinds/node.ts';
import type { Volume } from '../../api/kinds/volume.ts';
import type { Reader } from '../../api/store.ts';

export interface Facts {
  readonly hasDriver: boolean;
  /** The driver could not be asked where the volume is. */
  readonly problem?: string;
  readonly isProvisioned: boolean;
  /** Deletion was asked for. */
  readonly isDeleting: boolean;
  /** A non-terminal alloc mounts it. */
  readonly isInUse: boolean;
  /** The node it should be on, after claiming; absent: none, or all the same. Where that node cannot take it, the one it is on. */
  readonly wanted?: string;
  /** `spec.node` says so already. */
  readonly isClaimed: boolean;
  /** `spec.node` does not name the node where it is: somebody wants it gone from there, whoever takes it. */
  readonly isReleased: boolean;
  /** The node that its status names: it is there, or may be. */
  readonly recorded?: string;
  /** The node that the driver sees it attached to. */
  readonly attached?: string;
  /** It is not seen where it is recorded, cannot be attached now, and nobody there waits for it: nothing comes of that record. */
  readonly isRecordStale: boolean;
  /** The status says that it is attached, so that nothing is under way at the driver. */
  readonly isAttachedRecorded: boolean;
  readonly isMounted: boolean;
  /** The recorded node is down or gone: it has fenced its writers, and nobody there can unmount. */
  readonly isHolderLost: boolean;
  /** Why the wanted node cannot take it now, in words. */
  readonly obstacle?: string;
  /** It stays where it is, because the node where it is waited for cannot take it now: why, in words. */
  readonly keptBy?: string;
  /** When its driver is asked again although nothing has happened, in ms since the epoch. */
  readonly lookAgainAtMs: number;
}

export interface DriverView {
  readonly hasDriver: boolean;
  readonly attached: string | undefined;
  readonly problem: string | undefined;
}

export function volumeFacts(
  volume: Volume,
  reader: Reader,
  driver: DriverView,
): Omit<Facts, 'lookAgainAtMs'> {
  const { spec, status, metadata } = volume;
  const mounters = reader.byIndex('Alloc', 'volume', metadata.name).filter((alloc) => !isTerminal(alloc));
  const isDeleting = metadata.deletionTimestamp !== undefined;
  const isGoing = isDeleting && mounters.length === 0;
  const obstacleAt = (node: string | undefined) =>
    node === undefined ? undefined : obstacleOf(node, reader.get('Node', node), mounters);
  const awaitedOn = isGoing ? undefined : wantedNode(volume, mounters);
  const keptBy =
    awaitedOn !== spec.node && isAt(volume, spec.node, driver) ? obstacleAt(awaitedOn) : undefined;
  const wanted = keptBy === undefined ? awaitedOn : spec.node;
  const holder = status.node === undefined ? undefined : reader.get('Node', status.node);
  const obstacle = obstacleAt(wanted);
  return {
    hasDriver: driver.hasDriver,
    ...(driver.problem === undefined ? {} : { problem: driver.problem }),
    isProvisioned: status.handle !== undefined,
    isDeleting,
    isInUse: mounters.length > 0,
    ...(wanted === undefined ? {} : { wanted }),
    isClaimed: isGoing || spec.node === wanted,
    isReleased: status.node !== undefined && status.node !== spec.node,
    ...(status.node === undefined ? {} : { recorded: status.node }),
    ...(driver.attached === undefined ? {} : { attached: driver.attached }),
    isRecordStale:
      status.node !== undefined &&
      driver.attached === undefined &&
      obstacle !== undefined &&
      mounters.every((alloc) => alloc.spec.node !== status.node),
    isAttachedRecorded: status.phase === 'attached',
    isMounted: status.mounted === true,
    isHolderLost: status.node !== undefined && (!holder || holder.status.phase === 'down'),
    ...(obstacle === undefined ? {} : { obstacle }),
    ...(keptBy === undefined ? {} : { keptBy }),
  };
}

/** On record, and by what its driver sees. */
const isAt = ({ status }: Volume, node: string | undefined, { attached }: DriverView): boolean =>
  node !== undefined && status.node === node && attached === node;

/**
 * It stays with whoever mounts it where it is wanted now (a suspended alloc counts: its volume may only be away on a
 * migration that knows what it does); else it goes where an alloc waits for it; else it stays where it is.
 */
function wantedNode({ spec, status }: Volume, mounters: readonly Alloc[]): string | undefined {
  if (spec.node !== undefined && mounters.some((alloc) => alloc.spec.node === spec.node)) return spec.node;
  const waiting = mounters.filter((alloc) => alloc.spec.desired === 'running');
  const inPlace = waiting.find((alloc) => alloc.spec.node === status.node);
  // An original before its replacement: which of the two gets the volume is for their migration to say.
  const first = inPlace ?? waiting.find((alloc) => alloc.spec.replaces === undefined) ?? waiting[0];
  return first?.spec.node ?? spec.node;
}

/** Invariant 3: never to a node that is draining or removed, but for the way back of an alloc suspended there. */
function obstacleOf(name: string, node: Node | undefined, mounters: readonly Alloc[]): string | undefined {
  if (!node) return `node "${name}" does not exist`;
  if (node.status.phase === 'down') return `node "${name}" is down`;
  if (node.spec.removed || node.metadata.deletionTimestamp) return `node "${name}" is being removed`;
  const comesBack = mounters.some(
    ({ spec, status }) =>
      spec.node === name &&
      spec.desired !== 'stopped' &&
      (status.phase === 'suspended' || status.suspendedAt),
  );
  return node.spec.drain && !comesBack ? `node "${name}" is draining` : undefined;
}
