/**
 * How one alloc leaves its node. Forward: a replacement is placed, gets healthy and routed, and only then is the
 * original stopped; a replacement that is lost with its machine is followed by another. Back: the replacement is stopped,
 * the volumes come home, the original serves again.
 */
import { and, not, or, setup } from 'xstate';
import type { MigrationPhase } from '../../api/kinds/migration.ts';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Facts } from './facts.ts';
import { guards } from './guards.ts';
import type { Failure } from './trouble.ts';

type Nothing = Record<string, never>;

export type Command =
  | { readonly type: 'createReplacement'; readonly params: { readonly node: string } }
  | { readonly type: 'recordSuspension'; readonly params: { readonly healthyDeadlineMs: number } }
  | { readonly type: 'suspendOriginal'; readonly params: Nothing }
  | { readonly type: 'resumeOriginal'; readonly params: Nothing }
  | { readonly type: 'stopOriginal'; readonly params: Nothing }
  | { readonly type: 'stopReplacement'; readonly params: StopReplacement }
  | { readonly type: 'wantVolumes'; readonly params: WantVolumes }
  | { readonly type: 'recordLoss'; readonly params: { readonly alloc: string } }
  | { readonly type: 'recordTurnBack'; readonly params: { readonly failure: Failure | undefined } }
  | { readonly type: 'announceEnd'; readonly params: { readonly end: End } };

export type End = 'done' | 'failed' | 'cancelled';
interface StopReplacement {
  readonly alloc: string;
  readonly stopReason: 'MigrationUndone' | 'ScaledDown';
}
interface WantVolumes {
  readonly volumes: readonly string[];
  readonly node: string;
}
type Params<T extends Command['type']> = Extract<Command, { type: T }>['params'];

/** Its states are the phases that a migration reports. */
export type State = MigrationPhase;

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards,
  actions: {
    createReplacement: (_, _params: Params<'createReplacement'>) => {},
    recordSuspension: (_, _params: Params<'recordSuspension'>) => {},
    suspendOriginal: (_, _params: Params<'suspendOriginal'>) => {},
    resumeOriginal: (_, _params: Params<'resumeOriginal'>) => {},
    stopOriginal: (_, _params: Params<'stopOriginal'>) => {},
    stopReplacement: (_, _params: Params<'stopReplacement'>) => {},
    wantVolumes: (_, _params: Params<'wantVolumes'>) => {},
    recordLoss: (_, _params: Params<'recordLoss'>) => {},
    recordTurnBack: (_, _params: Params<'recordTurnBack'>) => {},
    announceEnd: (_, _params: Params<'announceEnd'>) => {},
  },
}).createMachine({
  id: 'migration',
  context: ({ input }) => input,
  initial: 'choosingDirection',
  states: {
    // Never rested in.
    choosingDirection: {
      always: [
        { guard: 'isRecordedDone', target: 'done' },
        { guard: 'isRecordedFailed', target: 'failed' },
        { guard: 'isRecordedCancelled', target: 'cancelled' },
        { guard: 'isSlotRetired', target: 'retiringSlot' },
        { guard: 'isTurnedBack', target: 'stoppingReplacement' },
        { guard: 'isOriginalHandedOver', target: 'stoppingOriginal' },
        { guard: 'isInTrouble', target: 'turningBack' },
        {
          // Once the replacement is healthy it is quicker, and safer, to finish.
          guard: and(['isCancelled', 'canOriginalComeBack', not('isReplacementHealthy')]),
          target: 'turningBack',
        },
        { guard: 'isReplacementLost', target: 'startingOver' },
        { target: 'placing' },
      ],
    },

    placing: {
      always: [
        { guard: 'hasReplacement', target: 'preparing' },
        // Nothing is left to replace: the service's own controller fills the slot.
        { guard: not('canOriginalComeBack'), target: 'stoppingOriginal' },
        {
          // On one and the same node a replacement would find its volume mounted, and write beside the original.
          guard: and(['isStopFirst', 'isPlaceOrigin', not('isOriginalSuspended')]),
          target: 'suspendingOriginal',
        },
      ],
      on: {
        act: {
          guard: 'hasPlace',
          actions: {
            type: 'createReplacement',
            params: ({ context }) => ({ node: context.place ?? '' }),
          },
        },
      },
    },
    preparing: {
      always: [
        { guard: not('isStopFirst'), target: 'awaitingHealthy' },
        // As long as the original serves, everything that can be prepared without the volume is.
        {
          guard: or(['isReplacementPrepared', not('isOriginalWantedRunning')]),
          target: 'suspendingOriginal',
        },
      ],
    },
    suspendingOriginal: {
      always: [
        { guard: and(['isOriginalSuspended', 'isSuspensionRecorded']), target: 'movingVolume' },
        { guard: 'isOriginalOver', target: 'movingVolume' },
      ],
      on: {
        act: [
          {
            guard: and(['canOriginalComeBack', not('isSuspensionRecorded')]),
            actions: [
              {
                type: 'recordSuspension',
                params: ({ context }) => ({ healthyDeadlineMs: context.healthyDeadlineMs }),
              },
              { type: 'suspendOriginal', params: {} },
            ],
          },
          { guard: 'isOriginalWantedRunning', actions: { type: 'suspendOriginal', params: {} } },
        ],
      },
    },
    movingVolume: {
      always: { guard: 'areVolumesAtTarget', target: 'awaitingHealthy' },
      on: {
        act: {
          guard: 'areVolumesAwayFromTarget',
          actions: {
            type: 'wantVolumes',
            params: ({ context }) => ({ volumes: context.volumesToMove, node: context.target ?? '' }),
          },
        },
      },
    },
    awaitingHealthy: {
      always: { guard: 'isReplacementProven', target: 'awaitingRoute' },
    },
    awaitingRoute: {
      always: { guard: 'isReplacementRouted', target: 'stoppingOriginal' },
    },
    stoppingOriginal: {
      always: { guard: 'isOriginalOver', target: 'done' },
      on: {
        act: {
          guard: and(['canOriginalComeBack', 'isReplacementRouted']),
          actions: { type: 'stopOriginal', params: {} },
        },
      },
    },
    done: {
      on: {
        act: {
          guard: not('isEndAnnounced'),
          actions: { type: 'announceEnd', params: { end: 'done' } },
        },
      },
    },

    startingOver: {
      on: {
        act: {
          // On a node that is down it is not over before node-health says so: until then the slot takes no other.
          guard: 'isReplacementOver',
          actions: {
            type: 'recordLoss',
            params: ({ context }) => ({ alloc: context.replacementName ?? '' }),
          },
        },
      },
    },

    // Nothing is undone before it is on record why: a crash in the middle goes on with the way back.
    turningBack: {
      on: {
        act: {
          actions: {
            type: 'recordTurnBack',
            params: ({ context }) => ({ failure: context.isCancelled ? undefined : context.trouble }),
          },
        },
      },
    },
    stoppingReplacement: {
      always: [
        // The original is lost: whatever the replacement is, it is all that the slot has.
        { guard: and([not('canOriginalComeBack'), 'hasFailed']), target: 'failed' },
        { guard: not('canOriginalComeBack'), target: 'cancelled' },
        { guard: 'isReplacementOver', target: 'returningVolume' },
      ],
      on: {
        act: {
          guard: 'isReplacementActive',
          actions: {
            type: 'stopReplacement',
            params: ({ context }) => ({
              alloc: context.replacementName ?? '',
              stopReason: 'MigrationUndone',
            }),
          },
        },
      },
    },
    returningVolume: {
      always: [
        { guard: or(['isOriginalWantedRunning', 'areVolumesAtOrigin']), target: 'resumingOriginal' },
        // It is wanted back, and is started as soon as its volume is there.
        { guard: and(['isOverdue', not('areVolumesAwayFromOrigin')]), target: 'resumingOriginal' },
      ],
      on: {
        act: {
          guard: 'areVolumesAwayFromOrigin',
          actions: {
            type: 'wantVolumes',
            params: ({ context }) => ({ volumes: context.volumesToReturn, node: context.origin }),
          },
        },
      },
    },
    resumingOriginal: {
      always: [
        { guard: and(['isBackInService', 'hasFailed']), target: 'failed' },
        { guard: 'isBackInService', target: 'cancelled' },
      ],
      on: {
        act: {
          guard: not('isOriginalWantedRunning'),
          actions: { type: 'resumeOriginal', params: {} },
        },
      },
    },
    failed: {
      on: {
        act: {
          guard: not('isEndAnnounced'),
          actions: { type: 'announceEnd', params: { end: 'failed' } },
        },
      },
    },
    cancelled: {
      on: {
        act: {
          guard: not('isEndAnnounced'),
          actions: { type: 'announceEnd', params: { end: 'cancelled' } },
        },
      },
    },

    retiringSlot: {
      always: [
        { guard: and(['isSlotEmpty', 'hasFailed']), target: 'failed' },
        { guard: and(['isSlotEmpty', 'isTurnedBack']), target: 'cancelled' },
        { guard: 'isSlotEmpty', target: 'done' },
      ],
      on: {
        act: {
          guard: 'isReplacementActive',
          actions: {
            type: 'stopReplacement',
            params: ({ context }) => ({ alloc: context.replacementName ?? '', stopReason: 'ScaledDown' }),
          },
        },
      },
    },
  },
});
