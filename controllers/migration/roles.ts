/** The two allocs of a migration, each in one word: how the original is, and how its replacement is. */
import { type Alloc, isLost, isTerminal } from '../../api/kinds/alloc.ts';
import type { Migration, MigrationStatus } from '../../api/kinds/migration.ts';
import type { Reader } from '../../api/store.ts';

/** Annotation of a replacement: uid of the migration that created it. */
export const MIGRATION_ANNOTATION = 'mill.dev/migration';

/** The first four can still serve, at once or when they are resumed; the last four cannot come back. */
export type OriginalState =
  /** Wanted running, healthy and routed. */
  | 'serving'
  /** Wanted running, and not serving (any more, or yet). */
  | 'running'
  /** Wanted suspended; its process may still be there. */
  | 'suspending'
  /** Its agent saw its process gone, since it is wanted so. */
  | 'suspended'
  /** Somebody else wants it stopped. */
  | 'leaving'
  /** It is over, and this migration did not stop it. */
  | 'gone'
  /** This migration wants it stopped. */
  | 'handingOver'
  /** This migration stopped it. */
  | 'handedOver';

export function originalState(original: Alloc | undefined): OriginalState {
  if (!original) return 'gone';
  const { desired, stopReason } = original.spec;
  const isHandedOver = desired === 'stopped' && stopReason === 'Migrated';
  if (isTerminal(original)) return isHandedOver ? 'handedOver' : 'gone';
  if (desired === 'stopped') return isHandedOver ? 'handingOver' : 'leaving';
  const { phase, route, observedGeneration } = original.status;
  if (desired === 'suspended') {
    // One that was wanted running in between may be started right now, by an agent that has not heard more yet.
    const isSeen = observedGeneration === original.metadata.generation;
    return phase === 'suspended' && isSeen ? 'suspended' : 'suspending';
  }
  return phase === 'healthy' && route === 'routed' ? 'serving' : 'running';
}

export type ReplacementState =
  | 'none'
  /** There is none; one that an earlier migration gave up still holds its place. */
  | 'leftover'
  /** Its agent has not looked at it yet. */
  | 'pending'
  /** Prepared as far as it can be, or starting, or running, and not healthy. */
  | 'prepared'
  /** Healthy, but not for `minHealthy` yet. */
  | 'healthy'
  /** Healthy for `minHealthy`; not every live gateway has acknowledged it. */
  | 'proven'
  /** Healthy for `minHealthy`, and routed by every live gateway. */
  | 'routed'
  /** Wanted stopped or suspended, by whomever. */
  | 'stopping'
  /** Over, or lost. */
  | 'gone';

/** A replacement as it was found in the store. */
export interface Replacement {
  readonly alloc?: Alloc;
  /** It was there, and is not any more. */
  readonly isMissing: boolean;
  readonly isLeftover: boolean;
}

/**
 * The recorded one; else the one that was created and not recorded yet, even if it is over already: a second one must
 * not be created beside it, nor after it before its loss is recorded.
 */
export function findReplacement(migration: Migration, reader: Reader): Replacement {
  const { replacement: recorded, lost = [] } = migration.status;
  if (recorded !== undefined) {
    const alloc = reader.get('Alloc', recorded);
    return { ...(alloc ? { alloc } : {}), isMissing: !alloc, isLeftover: false };
  }
  const all = reader.byIndex('Alloc', 'replaces', migration.spec.alloc);
  const candidates = all.filter((each) => !lost.includes(each.metadata.name));
  const active = candidates.filter((each) => !isTerminal(each));
  const alloc =
    candidates.find((each) => each.metadata.annotations?.[MIGRATION_ANNOTATION] === migration.metadata.uid) ??
    active.find((each) => each.spec.desired === 'running');
  return { ...(alloc ? { alloc } : {}), isMissing: false, isLeftover: !alloc && active.length > 0 };
}

/** True where it was, or is about to be, lost with its agent or its node, and nobody wanted it stopped. */
export function isLostReplacement({ alloc }: Replacement, reader: Reader): boolean {
  if (alloc?.spec.desired !== 'running') return false;
  if (isTerminal(alloc)) return isLost(alloc);
  return reader.get('Node', alloc.spec.node)?.status.phase === 'down';
}

/** @param provenAtMs when it will have been healthy for long enough, in ms since the epoch */
export function replacementState(
  { alloc, isMissing, isLeftover }: Replacement,
  provenAtMs: number | undefined,
  nowMs: number,
): ReplacementState {
  if (!alloc) {
    if (isMissing) return 'gone';
    return isLeftover ? 'leftover' : 'none';
  }
  if (isTerminal(alloc)) return 'gone';
  if (alloc.spec.desired !== 'running') return 'stopping';
  const { phase, reason, route } = alloc.status;
  if (phase !== 'healthy')
    return phase === 'pending' && reason !== 'WaitingForVolume' ? 'pending' : 'prepared';
  if (provenAtMs === undefined || nowMs < provenAtMs) return 'healthy';
  return route === 'routed' ? 'routed' : 'proven';
}

/** Since when an alloc that is healthy now has been so, by the clock of its node; undefined where it is not. */
export function healthySince(alloc: Alloc | undefined): string | undefined {
  if (alloc?.status.phase !== 'healthy') return undefined;
  const { healthyAt, startedAt } = alloc.status;
  return healthyAt ?? startedAt ?? alloc.metadata.creationTimestamp;
}

/**
 * When a replacement that is healthy now will have been so for `minHealthyMs`. It counts from when that was recorded here: the
 * clock of its node may be wrong.
 */
export function provenAtMs(
  { healthy }: MigrationStatus,
  since: string | undefined,
  minHealthyMs: number,
  nowMs: number,
): number | undefined {
  if (since === undefined) return undefined;
  const seenAtMs = healthy?.since === since ? Date.parse(healthy.seenAt) : nowMs;
  return seenAtMs + minHealthyMs;
}
