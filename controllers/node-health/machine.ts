/** When a node is ready, draining or down, and what follows for its allocs. */
import { not, setup } from 'xstate';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Facts } from './facts.ts';

export type Command =
  | { readonly type: 'announceUp'; readonly params: Record<string, never> }
  | { readonly type: 'announceDown'; readonly params: { readonly lastHeartbeat?: string } }
  | { readonly type: 'failAllocs'; readonly params: { readonly allocs: readonly string[] } };

export type State = 'comingUp' | 'draining' | 'ready' | 'goingDown' | 'failingAllocs' | 'down';

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    isAlive: ({ context }) => context.isAlive,
    isRecordedDown: ({ context }) => context.recordedPhase === 'down',
    isNeverSeen: ({ context }) => context.isNeverSeen,
    isLeaving: ({ context }) => context.isLeaving,
    hasActiveAllocs: ({ context }) => context.activeAllocs.length > 0,
  },
  actions: {
    announceUp: (_, _params: Record<string, never>) => {},
    announceDown: (_, _params: { lastHeartbeat?: string }) => {},
    failAllocs: (_, _params: { allocs: readonly string[] }) => {},
  },
}).createMachine({
  id: 'node-health',
  context: ({ input }) => input,
  initial: 'judging',
  states: {
    judging: {
      always: [
        { guard: 'isNeverSeen', target: 'failingAllocs' },
        { guard: 'isAlive', target: 'comingUp' },
        { target: 'goingDown' },
      ],
    },

    comingUp: {
      always: { guard: not('isRecordedDown'), target: 'draining' },
      on: { act: { actions: { type: 'announceUp', params: {} } } },
    },
    draining: {
      always: { guard: not('isLeaving'), target: 'ready' },
    },
    ready: {},

    // That the node is down is recorded before its allocs are failed: from then on nothing new is placed on it.
    goingDown: {
      always: { guard: 'isRecordedDown', target: 'failingAllocs' },
      on: {
        act: {
          actions: {
            type: 'announceDown',
            params: ({ context: { lastHeartbeat } }) =>
              lastHeartbeat === undefined ? {} : { lastHeartbeat },
          },
        },
      },
    },
    failingAllocs: {
      always: { guard: not('hasActiveAllocs'), target: 'down' },
      on: {
        act: {
          actions: { type: 'failAllocs', params: ({ context }) => ({ allocs: context.activeAllocs }) },
        },
      },
    },
    down: {},
  },
});
