/** How an empty node leaves the fleet: its traces, its credential, its place in the mesh, itself. */
import { not, setup } from 'xstate';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Facts } from './facts.ts';

type Nothing = Record<string, never>;
interface Names {
  readonly names: readonly string[];
}

export type Command =
  | { readonly type: 'deleteAllocs'; readonly params: Names }
  | { readonly type: 'deleteMigrations'; readonly params: Names }
  | { readonly type: 'revokeCredential'; readonly params: Nothing }
  | { readonly type: 'withdrawPeers'; readonly params: Names }
  | { readonly type: 'deletePeers'; readonly params: Names }
  | { readonly type: 'deleteLease'; readonly params: Nothing }
  | { readonly type: 'deleteNode'; readonly params: Nothing }
  | { readonly type: 'releaseNode'; readonly params: Nothing };
type Params<T extends Command['type']> = Extract<Command, { type: T }>['params'];

export type State =
  | 'staying'
  | 'sweepingAllocs'
  | 'revokingCredential'
  | 'withdrawingPeer'
  | 'unpeering'
  | 'deletingPeer'
  | 'deletingNode';

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    isWanted: ({ context }) => context.isWanted,
    isDeleting: ({ context }) => context.isDeleting,
    hasTraces: ({ context }) => context.allocs.length + context.activeAllocs + context.migrations.length > 0,
    isCredentialValid: ({ context }) => context.isCredentialValid,
    isPeerPublished: ({ context }) => context.publishedPeers.length > 0,
    hasPeer: ({ context }) => context.peers.length > 0,
    isPeerKnown: ({ context }) => context.awaited !== undefined,
  },
  actions: {
    deleteAllocs: (_, _params: Params<'deleteAllocs'>) => {},
    deleteMigrations: (_, _params: Params<'deleteMigrations'>) => {},
    revokeCredential: (_, _params: Params<'revokeCredential'>) => {},
    withdrawPeers: (_, _params: Params<'withdrawPeers'>) => {},
    deletePeers: (_, _params: Params<'deletePeers'>) => {},
    deleteLease: (_, _params: Params<'deleteLease'>) => {},
    deleteNode: (_, _params: Params<'deleteNode'>) => {},
    releaseNode: (_, _params: Params<'releaseNode'>) => {},
  },
}).createMachine({
  id: 'removal',
  context: ({ input }) => input,
  initial: 'staying',
  states: {
    staying: {
      always: { guard: 'isWanted', target: 'sweepingAllocs' },
    },

    sweepingAllocs: {
      always: { guard: not('hasTraces'), target: 'revokingCredential' },
      on: {
        act: {
          actions: [
            { type: 'deleteAllocs', params: ({ context }) => ({ names: context.allocs }) },
            { type: 'deleteMigrations', params: ({ context }) => ({ names: context.migrations }) },
          ],
        },
      },
    },
    // From here its agent can write nothing, whatever it still runs.
    revokingCredential: {
      always: { guard: not('isCredentialValid'), target: 'withdrawingPeer' },
      on: { act: { actions: { type: 'revokeCredential', params: {} } } },
    },
    // Withdrawn, not deleted: its revision is what the other nodes acknowledge.
    withdrawingPeer: {
      always: { guard: not('isPeerPublished'), target: 'unpeering' },
      on: {
        act: {
          actions: { type: 'withdrawPeers', params: ({ context }) => ({ names: context.publishedPeers }) },
        },
      },
    },
    unpeering: {
      always: [
        { guard: not('hasPeer'), target: 'deletingNode' },
        { guard: not('isPeerKnown'), target: 'deletingPeer' },
      ],
    },
    deletingPeer: {
      on: {
        act: { actions: { type: 'deletePeers', params: ({ context }) => ({ names: context.peers }) } },
      },
    },
    deletingNode: {
      on: {
        act: [
          {
            guard: 'isDeleting',
            actions: [
              { type: 'deleteLease', params: {} },
              { type: 'releaseNode', params: {} },
            ],
          },
          { actions: { type: 'deleteNode', params: {} } },
        ],
      },
    },
  },
});
