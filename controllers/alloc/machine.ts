/** The life of an alloc on its node: started once its volumes are there, healthy, unrouted before it is stopped. */
import { not, setup } from 'xstate';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Facts } from './facts.ts';

export type Command =
  | { type: 'killWorkload'; params: { graceMs: number } }
  | { type: 'stopWorkload'; params: { graceMs: number; purpose: 'suspended' | 'stopped' } }
  | { type: 'startWorkload'; params: undefined };

export type State =
  | 'clearing'
  | 'over'
  | 'unrouting'
  | 'stopping'
  | 'suspended'
  | 'stopped'
  | 'ending'
  | 'ended'
  | 'awaitingVolumes'
  | 'starting'
  | 'probing'
  | 'healthy';

interface Input {
  context: Facts;
}

const isAlive = ({ context }: Input) =>
  context.process === 'starting' || context.process === 'running' || context.process === 'stopping';
const isStray = (input: Input) =>
  input.context.process === 'unreported' || (input.context.isOver && isAlive(input));

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    isStray,
    isOver: ({ context }) => context.isOver,
    isWantedRunning: ({ context }) => context.desired === 'running',
    isWantedStopped: ({ context }) => context.desired === 'stopped',
    isAlive,
    isRouted: (input) => input.context.isRouted && isAlive(input),
    isStopping: ({ context }) => context.process === 'stopping',
    hasEnded: ({ context }) => context.process === 'gone' || context.process === 'lost',
    hasProcess: ({ context }) => context.process !== 'none',
    hasVolumes: ({ context }) => context.missingVolumes.length === 0,
    isRunning: ({ context }) => context.process === 'running',
    isHealthy: ({ context }) => context.health === 'healthy',
  },
  actions: {
    killWorkload: (_, _params: { graceMs: number }) => {},
    stopWorkload: (_, _params: { graceMs: number; purpose: 'suspended' | 'stopped' }) => {},
    startWorkload: () => {},
  },
}).createMachine({
  id: 'alloc',
  context: ({ input }) => input,
  initial: 'clearing',
  states: {
    clearing: {
      always: { guard: not('isStray'), target: 'over' },
      on: {
        act: {
          actions: { type: 'killWorkload', params: ({ context }) => ({ graceMs: context.clearGraceMs }) },
        },
      },
    },
    over: { always: { guard: not('isOver'), target: 'unrouting' } },

    unrouting: {
      always: [
        { guard: 'isWantedRunning', target: 'ending' },
        { guard: not('isRouted'), target: 'stopping' },
      ],
    },
    stopping: {
      always: { guard: not('isAlive'), target: 'suspended' },
      on: {
        act: {
          actions: {
            type: 'stopWorkload',
            params: ({ context: { desired, stopGraceMs } }) => ({
              graceMs: stopGraceMs,
              purpose: desired === 'stopped' ? desired : 'suspended',
            }),
          },
        },
      },
    },
    suspended: { always: { guard: 'isWantedStopped', target: 'stopped' } },
    stopped: {},

    // Stopped for something that is not wanted any more: it has to be gone before it can be started again.
    ending: { always: { guard: not('isStopping'), target: 'ended' } },
    ended: { always: { guard: not('hasEnded'), target: 'awaitingVolumes' } },
    awaitingVolumes: {
      always: [
        { guard: 'hasProcess', target: 'starting' },
        { guard: 'hasVolumes', target: 'starting' },
      ],
    },
    starting: {
      always: { guard: 'isRunning', target: 'probing' },
      on: { act: { guard: not('hasProcess'), actions: 'startWorkload' } },
    },
    probing: { always: { guard: 'isHealthy', target: 'healthy' } },
    healthy: {},
  },
});
