/** How a service gets, keeps and loses its allocs. */
import { not, setup } from 'xstate';
import type { StopReason } from '../../api/kinds/alloc.ts';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Facts, SlotPlacement } from './facts.ts';
import type { Updates } from './updates.ts';

interface StopAllocs {
  readonly allocs: readonly string[];
  readonly reason: StopReason;
}

export type Command =
  | { readonly type: 'stopAllocs'; readonly params: StopAllocs }
  | { readonly type: 'createAllocs'; readonly params: { readonly placements: readonly SlotPlacement[] } }
  | { readonly type: 'cancelMigrations'; readonly params: { readonly migrations: readonly string[] } }
  | { readonly type: 'startMigrations'; readonly params: { readonly allocs: Updates['due'] } }
  | { readonly type: 'deleteMigrations'; readonly params: { readonly migrations: readonly string[] } }
  | { readonly type: 'deleteAllocs'; readonly params: { readonly allocs: readonly string[] } }
  | { readonly type: 'releaseService'; readonly params: Record<string, never> };

export type State =
  | 'stoppingAllocs'
  | 'awaitingAllocs'
  | 'releasing'
  | 'scalingDown'
  | 'placing'
  | 'superseding'
  | 'sweeping'
  | 'updating'
  | 'settled';

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    isDeleting: ({ context }) => context.isDeleting,
    hasSurplus: ({ context }) => context.surplus.length > 0,
    hasActiveAllocs: ({ context }) => context.active > 0,
    hasPlacements: ({ context }) => context.placements.length > 0,
    hasSuperseded: ({ context: { updates } }) => updates.superseded.length + updates.overtaken.length > 0,
    hasUpdatesDue: ({ context: { updates } }) => updates.due.length > 0,
    hasLeftovers: ({ context }) => context.outlived.length + context.updates.finished.length > 0,
  },
  actions: {
    stopAllocs: (_, _params: StopAllocs) => {},
    createAllocs: (_, _params: { placements: readonly SlotPlacement[] }) => {},
    cancelMigrations: (_, _params: { migrations: readonly string[] }) => {},
    startMigrations: (_, _params: { allocs: Updates['due'] }) => {},
    deleteMigrations: (_, _params: { migrations: readonly string[] }) => {},
    deleteAllocs: (_, _params: { allocs: readonly string[] }) => {},
    releaseService: (_, _params: Record<string, never>) => {},
  },
}).createMachine({
  id: 'service',
  context: ({ input }) => input,
  initial: 'judging',
  states: {
    judging: {
      always: [{ guard: 'isDeleting', target: 'stoppingAllocs' }, { target: 'scalingDown' }],
    },

    // The service goes: its allocs are stopped like any others, and it waits until the last one is over.
    stoppingAllocs: {
      always: { guard: not('hasSurplus'), target: 'awaitingAllocs' },
      on: {
        act: {
          actions: {
            type: 'stopAllocs',
            params: ({ context }) => ({ allocs: context.surplus, reason: 'OwnerDeleted' }) as const,
          },
        },
      },
    },
    awaitingAllocs: {
      always: { guard: not('hasActiveAllocs'), target: 'releasing' },
    },
    releasing: {
      on: { act: { actions: { type: 'releaseService', params: {} } } },
    },

    // The service stays: what is too much goes, what is missing comes, what is outdated is moved.
    scalingDown: {
      always: { guard: not('hasSurplus'), target: 'placing' },
      on: {
        act: {
          actions: {
            type: 'stopAllocs',
            params: ({ context }) => ({ allocs: context.surplus, reason: 'ScaledDown' }) as const,
          },
        },
      },
    },
    // What has no place, or waits after a failure, does not hold up the rest.
    placing: {
      always: { guard: not('hasPlacements'), target: 'superseding' },
      on: {
        act: {
          actions: { type: 'createAllocs', params: ({ context }) => ({ placements: context.placements }) },
        },
      },
    },
    superseding: {
      always: { guard: not('hasSuperseded'), target: 'sweeping' },
      on: {
        act: {
          actions: [
            {
              type: 'cancelMigrations',
              params: ({ context }) => ({ migrations: context.updates.overtaken }),
            },
            {
              type: 'stopAllocs',
              params: ({ context }) =>
                ({ allocs: context.updates.superseded, reason: 'Superseded' }) as const,
            },
          ],
        },
      },
    },
    // A migration that is over stands in the way of the alloc's next one: they share the name.
    sweeping: {
      always: { guard: not('hasLeftovers'), target: 'updating' },
      on: {
        act: {
          actions: [
            {
              type: 'deleteMigrations',
              params: ({ context }) => ({ migrations: context.updates.finished }),
            },
            { type: 'deleteAllocs', params: ({ context }) => ({ allocs: context.outlived }) },
          ],
        },
      },
    },
    updating: {
      always: { guard: not('hasUpdatesDue'), target: 'settled' },
      on: {
        act: {
          actions: { type: 'startMigrations', params: ({ context }) => ({ allocs: context.updates.due }) },
        },
      },
    },
    settled: {},
  },
});
