/** How a node becomes a peer of the mesh, and stops being one. */
import { not, setup } from 'xstate';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Facts } from './facts.ts';

export type Command =
  | { readonly type: 'deletePeer'; readonly params: Record<string, never> }
  | { readonly type: 'assignAddress'; readonly params: { readonly address: string } };

export type State = 'orphaned' | 'withdrawn' | 'addressing' | 'published';

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    hasNode: ({ context }) => context.hasNode,
    isWithdrawn: ({ context }) => context.isWithdrawn,
    hasAddress: ({ context }) => context.hasAddress,
    hasFreeAddress: ({ context }) => context.freeAddress !== undefined,
  },
  actions: {
    deletePeer: (_, _params: Record<string, never>) => {},
    assignAddress: (_, _params: { address: string }) => {},
  },
}).createMachine({
  id: 'peer',
  context: ({ input }) => input,
  initial: 'orphaned',
  states: {
    orphaned: {
      always: { guard: 'hasNode', target: 'withdrawn' },
      on: { act: { actions: { type: 'deletePeer', params: {} } } },
    },
    // It stays as it is: its revision is what the other nodes acknowledge, and the removal deletes it then.
    withdrawn: {
      always: { guard: not('isWithdrawn'), target: 'addressing' },
    },
    addressing: {
      always: { guard: 'hasAddress', target: 'published' },
      on: {
        act: {
          guard: 'hasFreeAddress',
          actions: {
            type: 'assignAddress',
            params: ({ context }) => ({ address: context.freeAddress ?? '' }),
          },
        },
      },
    },
    published: {},
  },
});
