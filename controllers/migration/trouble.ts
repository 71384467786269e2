/** Why a migration cannot go forward, if it cannot; the machine decides whether that matters. */
import type { Alloc } from '../../api/kinds/alloc.ts';
import type { MigrationFailure, MigrationStatus } from '../../api/kinds/migration.ts';
import type { Service } from '../../api/kinds/service.ts';
import type { Reader } from '../../api/store.ts';
import { isPlaced, type Placement } from '../placement/place.ts';
import { noPlaceMessage } from '../placement/reasons.ts';
import type { ReplacementState } from './roles.ts';
import { volumeTrouble, type Whereabouts } from './volumes.ts';

export type Failure = NonNullable<MigrationStatus['failure']>;

export interface Circumstances {
  readonly service: Service | undefined;
  readonly alloc: Alloc | undefined;
  readonly replacement: ReplacementState;
  /** Another one is tried. */
  readonly isReplacementLost: boolean;
  /** Node of the replacement, where it has one. */
  readonly target: string | undefined;
  /** Volumes that the replacement mounts, and where they are. */
  readonly volumes: readonly string[];
  readonly volumesAtTarget: Whereabouts;
  /** Worked out only where a replacement is to be created. */
  readonly placement: Placement | undefined;
  readonly isDeadlineOver: boolean;
  readonly reader: Reader;
}

/** The worst of what is wrong now; undefined where nothing is. */
export function troubleOf(now: Circumstances): Failure | undefined {
  if (!now.service) return failure('ServiceGone', 'its service is gone');
  if (now.isReplacementLost) return undefined;
  const lost = lostTarget(now);
  if (lost) return failure('TargetLost', lost);
  if (now.replacement === 'gone' || now.replacement === 'stopping') {
    return failure('ReplacementFailed', describeEnd(now.alloc));
  }
  const broken = now.volumesAtTarget === 'there' ? undefined : volumeTrouble(now.volumes, now.reader);
  if (broken) return failure('VolumeFailed', broken);
  if (now.placement && !isPlaced(now.placement)) {
    return failure('NoPlace', noPlaceMessage(now.placement.reasons));
  }
  const isUnhealthy = now.replacement === 'pending' || now.replacement === 'prepared';
  if (isUnhealthy && now.isDeadlineOver) {
    return failure('HealthyDeadlineExceeded', describeDelay(now.alloc));
  }
  return undefined;
}

/** A target that drains is left again by a migration of its own; only a volume cannot go there any more. */
function lostTarget({ target, volumesAtTarget, reader }: Circumstances): string | undefined {
  if (target === undefined) return undefined;
  const node = reader.get('Node', target);
  if (!node) return `node ${target} is gone`;
  if (node.status.phase === 'down') return `node ${target} is down`;
  if (volumesAtTarget === 'there') return undefined;
  if (node.spec.removed || node.metadata.deletionTimestamp) return `node ${target} is being removed`;
  return node.spec.drain ? `node ${target} is draining, and takes no volume` : undefined;
}

const failure = (reason: MigrationFailure, message: string): Failure => ({
  reason,
  message: message.slice(0, MAX_MESSAGE_LENGTH),
});
/** As long as a migration's status takes. */
const MAX_MESSAGE_LENGTH = 8_192;

function describeEnd(alloc: Alloc | undefined): string {
  if (!alloc) return 'its replacement was deleted';
  return `its replacement ${where(alloc)} ${alloc.spec.desired === 'running' ? alloc.status.phase : 'was stopped'}${why(alloc)}`;
}

function describeDelay(alloc: Alloc | undefined): string {
  if (!alloc) return 'its replacement did not get healthy in time';
  return `its replacement ${where(alloc)} was not healthy in time: it is ${alloc.status.phase}${why(alloc)}`;
}

const where = (alloc: Alloc): string => `${alloc.metadata.name} on ${alloc.spec.node}`;

function why({ spec, status }: Alloc): string {
  const parts = [status.reason ?? spec.stopReason, status.message].filter((part) => part !== undefined);
  return parts.length > 0 ? ` (${parts.join(': ')})` : '';
}
