/** What the migration machine asks of its facts, each question by its name. */
import { canComeBack, type Facts } from './facts.ts';

interface Input {
  readonly context: Facts;
}

export const guards = {
  isRecordedDone: ({ context }: Input) => context.end === 'done',
  isRecordedFailed: ({ context }: Input) => context.end === 'failed',
  isRecordedCancelled: ({ context }: Input) => context.end === 'cancelled',
  isEndAnnounced: ({ context }: Input) => context.end !== undefined,
  hasFailed: ({ context }: Input) => context.failure !== undefined,

  isStopFirst: ({ context }: Input) => context.strategy === 'stop-first',
  isCancelled: ({ context }: Input) => context.isCancelled,
  isSlotRetired: ({ context }: Input) => context.isSlotRetired,
  isTurnedBack: ({ context }: Input) => context.isTurnedBack,
  isOverdue: ({ context }: Input) => context.isOverdue,
  isInTrouble: ({ context }: Input) => context.trouble !== undefined,

  canOriginalComeBack: ({ context }: Input) => canComeBack(context.original),
  isOriginalWantedRunning: ({ context }: Input) =>
    context.original === 'serving' || context.original === 'running',
  isOriginalSuspended: ({ context }: Input) => context.original === 'suspended',
  isOriginalHandedOver: ({ context }: Input) =>
    context.original === 'handingOver' || context.original === 'handedOver',
  isOriginalOver: ({ context }: Input) => context.original === 'gone' || context.original === 'handedOver',
  isSuspensionRecorded: ({ context }: Input) => context.isSuspensionRecorded,

  /** Healthy and routed; or not, but as it was before, or given all the time that a start may take. */
  isBackInService: ({ context }: Input) =>
    context.original === 'serving' ||
    (context.original === 'running' && (!context.isSuspensionRecorded || context.isOverdue)),

  hasReplacement: ({ context }: Input) =>
    context.replacement !== 'none' && context.replacement !== 'leftover',
  isReplacementLost: ({ context }: Input) => context.isReplacementLost,
  isReplacementPrepared: ({ context }: Input) => context.replacement !== 'pending',
  isReplacementHealthy: ({ context }: Input) => ['healthy', 'proven', 'routed'].includes(context.replacement),
  isReplacementProven: ({ context }: Input) =>
    context.replacement === 'proven' || context.replacement === 'routed',
  isReplacementRouted: ({ context }: Input) => context.replacement === 'routed',
  isReplacementActive: ({ context }: Input) =>
    ['pending', 'prepared', 'healthy', 'proven', 'routed'].includes(context.replacement),
  isReplacementOver: ({ context }: Input) => context.replacement === 'none' || context.replacement === 'gone',
  isSlotEmpty: ({ context }: Input) =>
    (context.original === 'gone' || context.original === 'handedOver') &&
    (context.replacement === 'none' || context.replacement === 'gone'),
  hasPlace: ({ context }: Input) => context.place !== undefined,
  isPlaceOrigin: ({ context }: Input) => context.place === context.origin,

  areVolumesAtTarget: ({ context }: Input) => context.volumesAtTarget === 'there',
  areVolumesAwayFromTarget: ({ context }: Input) => context.volumesAtTarget === 'away',
  areVolumesAtOrigin: ({ context }: Input) => context.volumesAtOrigin === 'there',
  areVolumesAwayFromOrigin: ({ context }: Input) => context.volumesAtOrigin === 'away',
};
