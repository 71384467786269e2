/** How a volume is mounted on a node and unmounted again: never under another node's writer, never from under one here. */
import { not, setup } from 'xstate';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Facts } from './facts.ts';

export type Command =
  /** Revision-checked, and before the mount: it fails where the volume has begun to leave. */
  | { type: 'recordMounted'; params: undefined }
  | { type: 'mountVolume'; params: undefined }
  | { type: 'unmountVolume'; params: undefined }
  | { type: 'recordUnmounted'; params: undefined };

export type State =
  | 'awaitingWorkload'
  | 'unmounting'
  | 'unmounted'
  | 'idle'
  | 'awaitingAttachment'
  | 'mounting'
  | 'mounted';

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    isStaying: ({ context }) => context.isStaying,
    isUsed: ({ context }) => context.isUsed,
    isUnmounted: ({ context }) => !context.isHeld && !context.isRecorded,
    isNeeded: ({ context }) => context.isNeeded,
    isAttached: ({ context }) => context.isAttached && !context.isFenced,
    isMounted: ({ context }) => context.isMounted && context.isRecorded,
    isRecorded: ({ context }) => context.isRecorded,
  },
  actions: {
    recordMounted: () => {},
    mountVolume: () => {},
    unmountVolume: () => {},
    recordUnmounted: () => {},
  },
}).createMachine({
  id: 'mounts',
  context: ({ input }) => input,
  initial: 'awaitingWorkload',
  states: {
    awaitingWorkload: {
      always: [
        { guard: 'isStaying', target: 'idle' },
        { guard: not('isUsed'), target: 'unmounting' },
      ],
    },
    unmounting: {
      always: { guard: 'isUnmounted', target: 'unmounted' },
      on: {
        act: [
          { guard: 'isRecorded', actions: ['unmountVolume', 'recordUnmounted'] },
          { actions: 'unmountVolume' },
        ],
      },
    },
    unmounted: {},

    idle: { always: { guard: 'isNeeded', target: 'awaitingAttachment' } },
    awaitingAttachment: { always: { guard: 'isAttached', target: 'mounting' } },
    mounting: {
      always: { guard: 'isMounted', target: 'mounted' },
      on: { act: { actions: ['recordMounted', 'mountVolume'] } },
    },
    mounted: {},
  },
});
