/** How a volume gets where it is wanted: provisioned, claimed, freed where it was, attached where it should be. */
import { and, not, or, setup } from 'xstate';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Facts } from './facts.ts';

export type Command =
  /** Says in the status what is wrong with the driver, and has the queue try again. */
  | { type: 'reportProblem'; params: { message: string } }
  | { type: 'provisionVolume'; params: undefined }
  | { type: 'claimNode'; params: { node: string } }
  | { type: 'recordDetaching'; params: { node: string } }
  | { type: 'detachVolume'; params: { node: string } }
  | { type: 'recordDetached'; params: { node: string } }
  | { type: 'recordAttaching'; params: { node: string } }
  | { type: 'attachVolume'; params: { node: string } }
  | { type: 'recordAttached'; params: { node: string } }
  | { type: 'destroyVolume'; params: undefined }
  | { type: 'removeFinalizer'; params: undefined };

export type State =
  | 'withoutDriver'
  | 'locating'
  | 'provisioning'
  | 'claiming'
  | 'unmounting'
  | 'detaching'
  | 'destroying'
  | 'ready'
  | 'awaitingNode'
  | 'attaching'
  | 'attached';

interface Input {
  context: Facts;
}

/**
 * The node to detach it from: the recorded one first. Where the driver sees it elsewhere, somebody else may have moved
 * it on since the object was read; that is judged when the record is clear, and was recorded itself.
 */
const holder = ({ attached, recorded }: Facts): string => recorded ?? attached ?? '';
const wanted = (facts: Facts): string => facts.wanted ?? '';
/** It is to be deleted, and nobody needs it any more. */
const isGoing = ({ context }: Input) => context.isDeleting && !context.isInUse;
/** It is nowhere but where it is wanted; one to be deleted is wanted nowhere. */
const isInPlace = ({ context }: Input) => {
  if (context.isRecordStale) return false;
  const place = isGoing({ context }) ? undefined : context.wanted;
  return [context.recorded, context.attached].every((node) => node === undefined || node === place);
};

/** It need not be moved. */
const isThere = ({ context: { attached, recorded, wanted: node } }: Input) =>
  node !== undefined && attached === node && recorded === node;

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    wasNeverMade: (input) => isGoing(input) && !input.context.isProvisioned,
    hasDriver: ({ context }) => context.hasDriver,
    isLocated: ({ context }) => context.problem === undefined,
    isProvisioned: ({ context }) => context.isProvisioned,
    isClaimed: ({ context }) => context.isClaimed,
    isReleased: ({ context }) => context.isReleased,
    isRecordStale: ({ context }) => context.isRecordStale,
    hasObstacle: ({ context }) => context.obstacle !== undefined,
    /** Its writers are gone from where it should not be, or are known to be dead. */
    isFree: (input) => isInPlace(input) || !input.context.isMounted || input.context.isHolderLost,
    isInPlace,
    isGoing,
    isWanted: ({ context }) => context.wanted !== undefined,
    /** Seen there is not enough: a detach that was begun before may still be under way, and an attach waits for it. */
    isAttached: (input) => isThere(input) && input.context.isAttachedRecorded,
    isAttachingRecorded: ({ context }) => context.recorded === context.wanted,
    canAttach: (input) => input.context.obstacle === undefined || isThere(input),
  },
  actions: {
    reportProblem: (_, _params: { message: string }) => {},
    provisionVolume: () => {},
    claimNode: (_, _params: { node: string }) => {},
    recordDetaching: (_, _params: { node: string }) => {},
    detachVolume: (_, _params: { node: string }) => {},
    recordDetached: (_, _params: { node: string }) => {},
    recordAttaching: (_, _params: { node: string }) => {},
    attachVolume: (_, _params: { node: string }) => {},
    recordAttached: (_, _params: { node: string }) => {},
    destroyVolume: () => {},
    removeFinalizer: () => {},
  },
}).createMachine({
  id: 'volume',
  context: ({ input }) => input,
  initial: 'withoutDriver',
  states: {
    withoutDriver: {
      always: [
        { guard: 'hasDriver', target: 'locating' },
        { guard: 'wasNeverMade', target: 'destroying' },
      ],
    },
    locating: {
      always: { guard: 'isLocated', target: 'provisioning' },
      on: {
        act: {
          actions: { type: 'reportProblem', params: ({ context }) => ({ message: context.problem ?? '' }) },
        },
      },
    },
    provisioning: {
      always: [
        { guard: 'isProvisioned', target: 'claiming' },
        // It may have been made, and the record of that refused.
        { guard: 'isGoing', target: 'unmounting' },
      ],
      on: { act: { actions: 'provisionVolume' } },
    },
    claiming: {
      always: [
        { guard: 'isClaimed', target: 'unmounting' },
        // Where it is wanted cannot take it: it stays where it is, but for a node that is to be rid of it.
        { guard: and(['hasObstacle', or(['isReleased', 'isRecordStale'])]), target: 'unmounting' },
        { guard: 'hasObstacle', target: 'awaitingNode' },
      ],
      on: { act: { actions: { type: 'claimNode', params: ({ context }) => ({ node: wanted(context) }) } } },
    },
    unmounting: { always: { guard: 'isFree', target: 'detaching' } },
    detaching: {
      always: { guard: 'isInPlace', target: 'destroying' },
      on: {
        act: {
          actions: [
            { type: 'recordDetaching', params: ({ context }) => ({ node: holder(context) }) },
            { type: 'detachVolume', params: ({ context }) => ({ node: holder(context) }) },
            { type: 'recordDetached', params: ({ context }) => ({ node: holder(context) }) },
          ],
        },
      },
    },
    destroying: {
      always: { guard: not('isGoing'), target: 'ready' },
      on: {
        act: [
          { guard: 'hasDriver', actions: ['destroyVolume', 'removeFinalizer'] },
          { actions: 'removeFinalizer' },
        ],
      },
    },
    ready: { always: { guard: 'isWanted', target: 'awaitingNode' } },
    awaitingNode: {
      always: [
        { guard: 'isAttached', target: 'attached' },
        { guard: 'canAttach', target: 'attaching' },
      ],
    },
    attaching: {
      on: {
        act: [
          {
            guard: 'isAttachingRecorded',
            actions: [
              { type: 'attachVolume', params: ({ context }) => ({ node: wanted(context) }) },
              { type: 'recordAttached', params: ({ context }) => ({ node: wanted(context) }) },
            ],
          },
          {
            actions: [
              { type: 'recordAttaching', params: ({ context }) => ({ node: wanted(context) }) },
              { type: 'attachVolume', params: ({ context }) => ({ node: wanted(context) }) },
              { type: 'recordAttached', params: ({ context }) => ({ node: wanted(context) }) },
            ],
          },
        ],
      },
    },
    attached: {},
  },
});
