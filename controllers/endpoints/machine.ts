/** How a service's routes become true: written, applied by every live gateway, acknowledged alloc by alloc. */
import { setup } from 'xstate';
import type { EndpointsSpec } from '../../api/kinds/endpoints.ts';
import type { ActEvent } from '../../runtime/controller/machine.ts';
import type { Acknowledgement, Facts, Outdated } from './facts.ts';

export type Command =
  /** Takes acknowledgements of an earlier stay in the Endpoints off the allocs. */
  | { type: 'clearRoutes'; params: { outdated: readonly Outdated[] } }
  | { type: 'createEndpoints'; params: { spec: EndpointsSpec } }
  | { type: 'updateEndpoints'; params: { spec: EndpointsSpec } }
  | { type: 'acknowledgeRoutes'; params: { acknowledged: readonly Acknowledgement[] } };

export type State = 'writing' | 'acknowledging' | 'awaitingGateways' | 'routed';

export const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as ActEvent },
  guards: {
    isWritten: ({ context }) => context.isWritten,
    exists: ({ context }) => context.exists,
    isAcknowledged: ({ context }) => context.acknowledged.length === 0,
    isNobodyWaiting: ({ context }) => context.waiting.length === 0,
  },
  actions: {
    clearRoutes: (_, _params: { outdated: readonly Outdated[] }) => {},
    createEndpoints: (_, _params: { spec: EndpointsSpec }) => {},
    updateEndpoints: (_, _params: { spec: EndpointsSpec }) => {},
    acknowledgeRoutes: (_, _params: { acknowledged: readonly Acknowledgement[] }) => {},
  },
}).createMachine({
  id: 'endpoints',
  context: ({ input }) => input,
  initial: 'writing',
  states: {
    writing: {
      always: { guard: 'isWritten', target: 'acknowledging' },
      on: {
        act: [
          {
            guard: 'exists',
            actions: [
              { type: 'clearRoutes', params: ({ context }) => ({ outdated: context.outdated }) },
              { type: 'updateEndpoints', params: ({ context }) => ({ spec: context.wanted }) },
            ],
          },
          {
            actions: [
              { type: 'clearRoutes', params: ({ context }) => ({ outdated: context.outdated }) },
              { type: 'createEndpoints', params: ({ context }) => ({ spec: context.wanted }) },
            ],
          },
        ],
      },
    },
    acknowledging: {
      always: { guard: 'isAcknowledged', target: 'awaitingGateways' },
      on: {
        act: {
          actions: {
            type: 'acknowledgeRoutes',
            params: ({ context }) => ({ acknowledged: context.acknowledged }),
          },
        },
      },
    },
    awaitingGateways: { always: { guard: 'isNobodyWaiting', target: 'routed' } },
    routed: {},
  },
});
