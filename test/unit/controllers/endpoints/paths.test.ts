import { expect } from 'chai';
import type { Alloc } from '../../../../api/kinds/alloc.ts';
import { createEndpointsController } from '../../../../controllers/endpoints/controller.ts';
import { machine } from '../../../../controllers/endpoints/machine.ts';
import { byTheirWord } from '../../../vocabulary/lease-times.ts';
import { build, changed, gatewayLease, healthyAlloc, service } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';
import type { World } from '../../../vocabulary/world.ts';

const web = service('web', { template: { stopGrace: '7s' } });
/** It has applied nothing yet. */
const lagging = gatewayLease('edge');
/** No revision comes after the one that it says it has applied. */
const upToDate = gatewayLease('edge', { appliedRevision: Number.MAX_SAFE_INTEGER });
const endpoints = (...allocs: string[]) =>
  build('Endpoints', 'web', { service: 'web', drainTimeoutMs: 7_000, ports: [], allocs }, {}, {});
const replica = (route: Alloc['status']['route'], spec: Partial<Alloc['spec']> = {}, more: object = {}) =>
  changed(healthyAlloc('web-0', web, spec), { status: { route, ...more } as object });
const route = (world: World) => world.get('Alloc', 'web-0').status.route;
const written = (world: World) => world.get('Endpoints', 'web').spec.allocs;

describePaths('the ways of the endpoints controller', {
  machine,
  key: 'web',
  stage: () => ({ controller: createEndpointsController({ leases: byTheirWord }) }),
  situations: [
    {
      when: 'nothing is written yet',
      state: 'writing',
      rests: 'awaitingGateways',
      objects: [web, replica(undefined), lagging],
      after(world) {
        expect(written(world)).to.deep.equal(['web-0']);
        expect(route(world)).to.equal(undefined);
      },
    },
    {
      when: 'an alloc comes back, and says of its earlier stay that it is unrouted',
      state: 'writing',
      rests: 'awaitingGateways',
      objects: [web, replica('unrouted'), endpoints(), lagging],
      after(world) {
        expect(written(world)).to.deep.equal(['web-0']);
        // Were it told to stop now, it would pass for one that nobody sends requests to.
        expect(route(world)).to.equal(undefined);
      },
    },
    {
      when: 'an alloc becomes unhealthy, and says that it is routed',
      state: 'writing',
      rests: 'routed',
      objects: [web, replica('routed', {}, { phase: 'running' }), endpoints('web-0'), lagging],
      after(world) {
        expect(written(world)).to.deep.equal([]);
        expect(route(world)).to.equal(undefined);
      },
    },
    {
      when: 'an alloc leaves',
      state: 'writing',
      rests: 'awaitingGateways',
      objects: [web, replica('routed', { desired: 'stopped' }), endpoints('web-0'), lagging],
      after(world) {
        expect(written(world)).to.deep.equal([]);
        expect(route(world)).to.equal('routed');
      },
    },
    {
      when: 'every gateway has applied what is written',
      state: 'acknowledging',
      rests: 'routed',
      objects: [web, replica(undefined), endpoints('web-0'), upToDate],
      after: (world) => expect(route(world)).to.equal('routed'),
    },
    {
      when: 'a gateway still has requests in flight to an alloc that leaves',
      state: 'awaitingGateways',
      objects: [
        web,
        replica('routed', { desired: 'stopped' }),
        endpoints(),
        changed(upToDate, { spec: { draining: ['web-0'] } }),
      ],
      after: (world) => expect(route(world)).to.equal('routed'),
    },
    {
      when: 'a gateway has not applied what is written',
      state: 'awaitingGateways',
      objects: [web, replica(undefined), endpoints('web-0'), lagging],
      after: (world) => expect(route(world)).to.equal(undefined),
    },
    {
      when: 'all is written and acknowledged',
      state: 'routed',
      objects: [web, replica('routed'), endpoints('web-0'), lagging],
    },
  ],
});
