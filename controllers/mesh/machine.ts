/** How a node takes part in the mesh: it publishes itself, and applies each complete list of the others. */
import { setup } from 'xstate';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { MeshConfiguration, MeshIdentity } from '../../runtime/mesh/mesh.ts';
import type { Facts } from './facts.ts';

export type Command =
  | { type: 'createPeer'; params: { identity: MeshIdentity } }
  | { type: 'updatePeer'; params: { identity: MeshIdentity } }
  | { type: 'applyPeers'; params: { configuration: MeshConfiguration; revision: number } };

export type State = 'awaitingPeers' | 'publishing' | 'applying' | 'applied';

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    isSynced: ({ context }) => context.isSynced,
    isPublished: ({ context }) => context.isPublished,
    isLeaving: ({ context }) => context.isLeaving,
    hasPeer: ({ context }) => context.hasPeer,
    isApplied: ({ context }) => context.appliedRevision >= context.revision,
  },
  actions: {
    createPeer: (_, _params: { identity: MeshIdentity }) => {},
    updatePeer: (_, _params: { identity: MeshIdentity }) => {},
    applyPeers: (_, _params: { configuration: MeshConfiguration; revision: number }) => {},
  },
}).createMachine({
  id: 'mesh',
  context: ({ input }) => input,
  initial: 'awaitingPeers',
  states: {
    awaitingPeers: { always: { guard: 'isSynced', target: 'publishing' } },
    publishing: {
      always: [
        { guard: 'isPublished', target: 'applying' },
        { guard: 'isLeaving', target: 'applying' },
      ],
      on: {
        act: [
          {
            guard: 'hasPeer',
            actions: { type: 'updatePeer', params: ({ context }) => ({ identity: context.identity }) },
          },
          { actions: { type: 'createPeer', params: ({ context }) => ({ identity: context.identity }) } },
        ],
      },
    },
    applying: {
      always: { guard: 'isApplied', target: 'applied' },
      on: {
        act: {
          actions: {
            type: 'applyPeers',
            params: ({ context }) => ({ configuration: context.wanted, revision: context.revision }),
          },
        },
      },
    },
    applied: {},
  },
});
