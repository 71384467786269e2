/** What a migration is judged by: its two allocs, its volumes, its place, and what it recorded before. */
import { durationMs } from '../../api/duration.ts';
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import { MAX_LOST_REPLACEMENTS, type Migration, type MigrationStatus } from '../../api/kinds/migration.ts';
import type { Service } from '../../api/kinds/service.ts';
import { volumesOf } from '../../api/kinds/template.ts';
import type { Reader } from '../../api/store.ts';
import type { Context } from '../../runtime/controller/controller.ts';
import { isPlaced, type Placement, place } from '../placement/place.ts';
import {
  findReplacement,
  healthySince,
  isLostReplacement,
  type OriginalState,
  originalState,
  provenAtMs,
  type ReplacementState,
  replacementState,
} from './roles.ts';
import { type Failure, troubleOf } from './trouble.ts';
import { toAskFor, type Whereabouts, whereabouts } from './volumes.ts';

/** What holds for a service that is gone; nothing is waited for then. */
const NO_LIMITS = { minHealthyMs: 0, healthyDeadlineMs: 0 };

export interface Facts {
  /** How it ended, once that is recorded. */
  readonly end: 'done' | 'failed' | 'cancelled' | undefined;
  readonly strategy: NonNullable<MigrationStatus['strategy']>;
  readonly isCancelled: boolean;
  /** The replica is not wanted any more: its service is deleted or scaled down. */
  readonly isSlotRetired: boolean;
  /** It was decided, and recorded, to undo it. */
  readonly isTurnedBack: boolean;
  /** The way back takes longer than a start may take. */
  readonly isOverdue: boolean;
  /** It is recorded when the original was taken out of service. */
  readonly isSuspensionRecorded: boolean;
  /** Why it cannot go forward, as observed now. */
  readonly trouble: Failure | undefined;
  /** Why it was turned back, as recorded. */
  readonly failure: Failure | undefined;
  readonly original: OriginalState;
  readonly replacement: ReplacementState;
  /** Its agent or its node was lost, through no fault of its own, and another may be tried. */
  readonly isReplacementLost: boolean;
  readonly volumesAtTarget: Whereabouts;
  readonly volumesAtOrigin: Whereabouts;
  readonly volumesToMove: readonly string[];
  readonly volumesToReturn: readonly string[];
  readonly origin: string;
  /** Where a replacement would be placed now; only while there is none and one is wanted. */
  readonly place: string | undefined;
  /** Node of the replacement. */
  readonly target: string | undefined;
  readonly replacementName: string | undefined;
  /** Since when the replacement says that it is healthy; only where it has to be for some time. */
  readonly healthySince: string | undefined;
  readonly healthyDeadlineMs: number;
  /** When the facts change by time alone, in ms since the epoch. */
  readonly changesAtMs: number | undefined;
}

export function observe(migration: Migration, { reader, nowMs }: Pick<Context, 'reader' | 'nowMs'>): Facts {
  const { spec, status } = migration;
  const original = reader.get('Alloc', spec.alloc);
  const service = serviceOf(spec.service, original, reader);
  const { minHealthyMs, healthyDeadlineMs } = service ? limitsOf(service) : NO_LIMITS;
  const found = findReplacement(migration, reader);
  const { alloc } = found;
  const since = healthySince(alloc);
  const proven = provenAtMs(status, since, minHealthyMs, nowMs);
  const target = alloc?.spec.node ?? status.target;
  const replacement = replacementState(found, proven, nowMs);
  const isReplacementLost = mayStartOver(status) && isLostReplacement(found, reader);
  const ofOriginal = original ? volumesOf(original.spec.template) : [];
  const template = (alloc ?? service)?.spec.template;
  const ofReplacement = template ? volumesOf(template) : [];
  const originalIs = originalState(original);
  const isTurnedBack = status.turnedBackAt !== undefined;
  const isPlaceWanted =
    replacement === 'none' &&
    canComeBack(originalIs) &&
    !isTurnedBack &&
    !spec.cancelled &&
    !status.finishedAt;
  const placement = isPlaceWanted && service ? placeFor(migration, service, reader) : undefined;
  const volumesAtTarget = whereabouts(ofReplacement, target, reader);
  const deadlineMs = timeOf(status.deadline);
  const turnedBackAtMs = timeOf(status.turnedBackAt);
  const overdueAtMs = turnedBackAtMs === undefined ? undefined : turnedBackAtMs + healthyDeadlineMs;
  return {
    end: endOf(status),
    strategy:
      status.strategy ?? (ofOriginal.length + ofReplacement.length > 0 ? 'stop-first' : 'start-first'),
    isCancelled: spec.cancelled,
    isSlotRetired: isRetired(service, original),
    isTurnedBack,
    isOverdue: overdueAtMs !== undefined && nowMs >= overdueAtMs,
    isSuspensionRecorded: status.unroutedAt !== undefined,
    trouble: troubleOf({
      service,
      alloc,
      replacement,
      isReplacementLost,
      target,
      volumes: ofReplacement,
      volumesAtTarget,
      placement,
      isDeadlineOver: deadlineMs !== undefined && nowMs >= deadlineMs,
      reader,
    }),
    failure: status.failure,
    original: originalIs,
    replacement,
    isReplacementLost,
    volumesAtTarget,
    volumesAtOrigin: whereabouts(ofOriginal, spec.node, reader),
    volumesToMove: toAskFor(ofReplacement, target, reader),
    volumesToReturn: toAskFor(ofOriginal, spec.node, reader),
    origin: spec.node,
    place: placement && isPlaced(placement) ? placement.node : undefined,
    target,
    replacementName: alloc?.metadata.name,
    healthySince: minHealthyMs > 0 ? since : undefined,
    healthyDeadlineMs,
    changesAtMs: status.finishedAt ? undefined : earliestAfter(nowMs, [deadlineMs, proven, overdueAtMs]),
  };
}

/** True where the original serves, or can be made to serve again. */
export const canComeBack = (original: OriginalState): boolean =>
  original === 'serving' || original === 'running' || original === 'suspending' || original === 'suspended';

/** A workload that takes its machine down is not tried on one machine after the other. */
const mayStartOver = ({ lost = [] }: MigrationStatus): boolean => lost.length < MAX_LOST_REPLACEMENTS;

function serviceOf(name: string, original: Alloc | undefined, reader: Reader): Service | undefined {
  const service = reader.get('Service', name);
  // Another service of the same name is another service.
  return original && service?.metadata.uid !== original.spec.owner.uid ? undefined : service;
}

const limitsOf = ({ spec: { migration } }: Service) => ({
  minHealthyMs: durationMs(migration.minHealthy),
  healthyDeadlineMs: durationMs(migration.healthyDeadline),
});

function isRetired(service: Service | undefined, original: Alloc | undefined): boolean {
  if (!service) return !original || isTerminal(original);
  const reason = original?.spec.stopReason;
  const isStopped = reason === 'ScaledDown' || reason === 'OwnerDeleted';
  return isStopped || service.metadata.deletionTimestamp !== undefined;
}

/** A drain leaves the node; an update stays there if it can. */
function placeFor({ spec }: Migration, service: Service, reader: Reader): Placement {
  const { template, placement } = service.spec;
  const request = { ownerUid: service.metadata.uid, template, placement };
  return spec.reason === 'update'
    ? place({ ...request, prefer: spec.node }, reader)
    : place({ ...request, exclude: new Set([spec.node]) }, reader);
}

function endOf(status: MigrationStatus): Facts['end'] {
  if (status.finishedAt === undefined) return undefined;
  if (status.failure) return 'failed';
  return status.turnedBackAt === undefined ? 'done' : 'cancelled';
}

const timeOf = (timestamp: string | undefined): number | undefined =>
  timestamp === undefined ? undefined : Date.parse(timestamp);

function earliestAfter(nowMs: number, times: readonly (number | undefined)[]): number | undefined {
  const coming = times.filter((time) => time !== undefined && time > nowMs) as number[];
  return coming.length > 0 ? Math.min(...coming) : undefined;
}
