/** How a task gets its alloc, runs once, and ends. */
import { not, setup } from 'xstate';
import type { StopReason } from '../../api/kinds/alloc.ts';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Facts } from './facts.ts';

interface StopAlloc {
  readonly alloc: string;
  readonly reason: StopReason;
}

export type Command =
  | { readonly type: 'createAlloc'; readonly params: { readonly node: string } }
  | { readonly type: 'stopAlloc'; readonly params: StopAlloc }
  | { readonly type: 'releaseTask'; readonly params: Record<string, never> };

export type State =
  | 'stoppingAlloc'
  | 'awaitingAlloc'
  | 'releasing'
  | 'awaitingPlace'
  | 'placing'
  | 'timingOut'
  | 'running'
  | 'finished';

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    isDeleting: ({ context }) => context.isDeleting,
    hasActiveAlloc: ({ context: { alloc } }) => alloc !== undefined && !alloc.isOver,
    mustStop: ({ context: { alloc } }) => alloc !== undefined && !alloc.isOver && !alloc.isBeingStopped,
    hadAlloc: ({ context }) => context.isFinished || context.hadAlloc,
    hasPlace: ({ context }) => context.node !== undefined,
    mustTimeOut: ({ context: { alloc, isTimedOut } }) =>
      isTimedOut && alloc !== undefined && !alloc.isOver && !alloc.isBeingStopped,
  },
  actions: {
    createAlloc: (_, _params: { node: string }) => {},
    stopAlloc: (_, _params: StopAlloc) => {},
    releaseTask: (_, _params: Record<string, never>) => {},
  },
}).createMachine({
  id: 'task',
  context: ({ input }) => input,
  initial: 'judging',
  states: {
    judging: {
      always: [{ guard: 'isDeleting', target: 'stoppingAlloc' }, { target: 'awaitingPlace' }],
    },

    // The task goes: its alloc is stopped first.
    stoppingAlloc: {
      always: { guard: not('mustStop'), target: 'awaitingAlloc' },
      on: {
        act: {
          actions: {
            type: 'stopAlloc',
            params: ({ context }) => ({ alloc: context.alloc?.name ?? '', reason: 'OwnerDeleted' }) as const,
          },
        },
      },
    },
    awaitingAlloc: {
      always: { guard: not('hasActiveAlloc'), target: 'releasing' },
    },
    releasing: {
      on: { act: { actions: { type: 'releaseTask', params: {} } } },
    },

    // The task stays: one alloc, once.
    awaitingPlace: {
      always: [
        { guard: 'hadAlloc', target: 'timingOut' },
        { guard: 'hasPlace', target: 'placing' },
      ],
    },
    placing: {
      on: {
        act: { actions: { type: 'createAlloc', params: ({ context }) => ({ node: context.node ?? '' }) } },
      },
    },
    timingOut: {
      always: { guard: not('mustTimeOut'), target: 'running' },
      on: {
        act: {
          actions: {
            type: 'stopAlloc',
            params: ({ context }) => ({ alloc: context.alloc?.name ?? '', reason: 'TimedOut' }) as const,
          },
        },
      },
    },
    running: {
      always: { guard: not('hasActiveAlloc'), target: 'finished' },
    },
    finished: {},
  },
});
