/**
 * How a node is emptied: nothing new, then what nobody uses, then the services one by one, then the tasks. It is
 * drained when nothing is on it: seen, not merely asked for.
 */
import { and, not, or, setup } from 'xstate';
import type { Alloc } from '../../api/kinds/alloc.ts';
import type { DrainFailure } from '../../api/kinds/node.ts';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Facts } from './facts.ts';
import { failuresOf } from './failures.ts';

type Nothing = Record<string, never>;
interface Names {
  readonly names: readonly string[];
}
interface Failures {
  readonly failures: readonly DrainFailure[];
}

export type Command =
  | { readonly type: 'announceStart'; readonly params: Nothing }
  | { readonly type: 'announceNoPlace'; readonly params: Failures }
  | { readonly type: 'announceDrained'; readonly params: Nothing }
  | { readonly type: 'announceFailure'; readonly params: Failures }
  | { readonly type: 'announceCancelled'; readonly params: Nothing }
  | { readonly type: 'releaseVolumes'; readonly params: Names }
  | { readonly type: 'deleteMigrations'; readonly params: Names }
  | { readonly type: 'createMigrations'; readonly params: { readonly allocs: readonly Alloc[] } }
  | { readonly type: 'cancelMigrations'; readonly params: Names }
  | { readonly type: 'forceServices'; readonly params: Names }
  | { readonly type: 'stopTasks'; readonly params: Names };
type Params<T extends Command['type']> = Extract<Command, { type: T }>['params'];

export type State =
  | 'idle'
  | 'cordoning'
  | 'checkingFeasibility'
  | 'detachingVolumes'
  | 'migrating'
  | 'callingOff'
  | 'forcingServices'
  | 'stoppingTasks'
  | 'releasingVolumes'
  | 'drained'
  | 'failed'
  | 'cancelling'
  | 'clearing';

const releaseVolumes = {
  type: 'releaseVolumes',
  params: ({ context }: { context: Facts }) => ({ names: context.volumes.toRelease }),
} as const;
const cancelMigrations = {
  type: 'cancelMigrations',
  params: ({ context }: { context: Facts }) => ({ names: context.services.toCancel }),
} as const;
const deleteMigrations = {
  type: 'deleteMigrations',
  params: ({ context }: { context: Facts }) => ({ names: context.services.spent }),
} as const;

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    isWanted: ({ context }) => context.isWanted,
    isRemembered: ({ context }) => context.isRemembered,
    isStarted: ({ context }) => context.isStarted,
    isChecked: ({ context }) => context.isChecked,
    isEndAnnounced: ({ context }) => context.isFinished,
    hasNoPlaceForSome: ({ context }) => context.noPlace.length > 0,

    hasIdleVolumes: ({ context }) => context.volumes.idle.length > 0,
    hasVolumesToRelease: ({ context }) => context.volumes.toRelease.length > 0,
    hasMoved: ({ context }) => context.hasMoved,

    hasServices: ({ context }) => context.services.remaining > 0,
    hasOpenServices: ({ context }) => context.services.open.length > 0,
    isMoving: ({ context }) => context.services.moving.length > 0,
    isDrainMoving: ({ context }) => context.services.draining.length > 0,
    hasMigrationsToCancel: ({ context }) => context.services.toCancel.length > 0,
    hasSpentMigrations: ({ context }) => context.services.spent.length > 0,
    hasServicesToMove: ({ context }) => context.toMove.length > 0,
    hasServicesToForce: ({ context }) => context.services.toForce.length > 0,
    isDeadlineOver: ({ context }) => context.isDeadlineOver,
    isForced: ({ context }) => context.deadlineMs !== undefined && context.onDeadline === 'force',

    hasTasks: ({ context }) => context.tasks.length > 0,
    hasTasksToStop: ({ context }) => context.tasksToStop.length > 0,
    isTaskGraceOver: ({ context }) => context.isTaskGraceOver,
    isEmpty: ({ context }) =>
      context.services.remaining + context.tasks.length + context.volumes.here.length === 0,
  },
  actions: {
    announceStart: (_, _params: Params<'announceStart'>) => {},
    announceNoPlace: (_, _params: Params<'announceNoPlace'>) => {},
    announceDrained: (_, _params: Params<'announceDrained'>) => {},
    announceFailure: (_, _params: Params<'announceFailure'>) => {},
    announceCancelled: (_, _params: Params<'announceCancelled'>) => {},
    releaseVolumes: (_, _params: Params<'releaseVolumes'>) => {},
    deleteMigrations: (_, _params: Params<'deleteMigrations'>) => {},
    createMigrations: (_, _params: Params<'createMigrations'>) => {},
    cancelMigrations: (_, _params: Params<'cancelMigrations'>) => {},
    forceServices: (_, _params: Params<'forceServices'>) => {},
    stopTasks: (_, _params: Params<'stopTasks'>) => {},
  },
}).createMachine({
  id: 'drain',
  context: ({ input }) => input,
  initial: 'choosingDirection',
  states: {
    // Never rested in.
    choosingDirection: {
      always: [
        { guard: 'isWanted', target: 'cordoning' },
        { guard: 'isRemembered', target: 'cancelling' },
        { target: 'idle' },
      ],
    },

    // The node takes no new work since the drain was asked for; what is left is to put on record when it began.
    cordoning: {
      always: { guard: 'isStarted', target: 'checkingFeasibility' },
      on: { act: { actions: [{ type: 'announceStart', params: {} }, deleteMigrations] } },
    },
    // On paper, before anything is stopped.
    checkingFeasibility: {
      always: { guard: 'isChecked', target: 'detachingVolumes' },
      on: {
        act: {
          guard: 'hasNoPlaceForSome',
          actions: {
            type: 'announceNoPlace',
            params: ({ context }) => ({ failures: context.noPlace }),
          },
        },
      },
    },
    detachingVolumes: {
      always: {
        // What becomes idle while services move is released at the end: it must not hold them up.
        guard: or([not('hasIdleVolumes'), 'hasMoved', 'isDeadlineOver']),
        target: 'migrating',
      },
      on: { act: { guard: 'hasVolumesToRelease', actions: releaseVolumes } },
    },
    migrating: {
      always: [
        { guard: and(['isDeadlineOver', 'isForced', 'hasServices']), target: 'forcingServices' },
        { guard: and(['isDeadlineOver', not('isForced'), 'hasOpenServices']), target: 'callingOff' },
        // What failed to move is stopped at the deadline, then.
        { guard: and(['isForced', not('hasServices')]), target: 'stoppingTasks' },
        {
          guard: and([not('isForced'), not('hasOpenServices'), not('isMoving')]),
          target: 'stoppingTasks',
        },
      ],
      on: {
        act: {
          guard: or(['hasSpentMigrations', 'hasServicesToMove']),
          actions: [
            deleteMigrations,
            { type: 'createMigrations', params: ({ context }) => ({ allocs: context.toMove }) },
          ],
        },
      },
    },
    callingOff: {
      always: { guard: not('isDrainMoving'), target: 'failed' },
      on: { act: { guard: 'hasMigrationsToCancel', actions: cancelMigrations } },
    },
    forcingServices: {
      always: { guard: not('hasServices'), target: 'stoppingTasks' },
      on: {
        act: {
          guard: 'hasServicesToForce',
          actions: {
            type: 'forceServices',
            params: ({ context }) => ({ names: context.services.toForce }),
          },
        },
      },
    },
    stoppingTasks: {
      always: { guard: not('hasTasks'), target: 'releasingVolumes' },
      on: {
        act: {
          guard: and(['isTaskGraceOver', 'hasTasksToStop']),
          actions: { type: 'stopTasks', params: ({ context }) => ({ names: context.tasksToStop }) },
        },
      },
    },
    releasingVolumes: {
      always: [
        { guard: 'isEmpty', target: 'drained' },
        { guard: not('hasIdleVolumes'), target: 'failed' },
      ],
      on: { act: { guard: 'hasVolumesToRelease', actions: releaseVolumes } },
    },
    drained: {
      on: {
        act: { guard: not('isEndAnnounced'), actions: { type: 'announceDrained', params: {} } },
      },
    },
    failed: {
      on: {
        act: {
          guard: not('isEndAnnounced'),
          actions: {
            type: 'announceFailure',
            params: ({ context }) => ({ failures: failuresOf(context, true) }),
          },
        },
      },
    },

    // The drain is not wanted any more: what has not got far is undone, and the traces go.
    cancelling: {
      always: { guard: not('isDrainMoving'), target: 'clearing' },
      on: { act: { guard: 'hasMigrationsToCancel', actions: cancelMigrations } },
    },
    clearing: {
      always: { guard: not('hasSpentMigrations'), target: 'idle' },
      on: { act: { actions: deleteMigrations } },
    },
    idle: {
      on: {
        act: { guard: 'isRemembered', actions: { type: 'announceCancelled', params: {} } },
      },
    },
  },
});
