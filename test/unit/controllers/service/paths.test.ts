import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import type { Alloc } from '../../../../api/kinds/alloc.ts';
import { createServiceController } from '../../../../controllers/service/controller.ts';
import { machine } from '../../../../controllers/service/machine.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { changed, healthyAlloc, migration, node, service } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';
import type { World } from '../../../vocabulary/world.ts';

const web = service('web', { replicas: 2 });
const going = changed(web, { metadata: { deletionTimestamp: timestamp(START_MS) } });
const fleet = [node('node-1'), node('node-2')];
const older = { ...web.spec.template, command: ['serve', 'an older version'] };
const replica = (slot: number, spec: Partial<Alloc['spec']> = {}) =>
  healthyAlloc(`web-${slot}-a`, web, { node: `node-${slot + 1}`, slot, ...spec });
const replicas = [replica(0), replica(1)];
const desired = (world: World) => world.list('Alloc').map(({ spec }) => spec.desired);

describePaths('the ways of the service controller', {
  machine,
  key: 'web',
  stage: () => ({ controller: createServiceController() }),
  situations: [
    { when: 'every replica is as it should be', state: 'settled', objects: [...fleet, web, ...replicas] },
    {
      when: 'a replica was just placed',
      state: 'settled',
      objects: [...fleet, web, replica(0), changed(replica(1), { status: { phase: 'pending' } })],
      after: (world) => expect(world.list('Alloc')).to.have.length(2),
    },
    { when: 'no node has a place for a replica', state: 'settled', objects: [web] },
    {
      when: 'there are more replicas than are wanted',
      state: 'scalingDown',
      rests: 'settled',
      objects: [...fleet, changed(web, { spec: { replicas: 1 } }), ...replicas],
      after: (world) => expect(desired(world)).to.deep.equal(['running', 'stopped']),
    },
    {
      when: 'a replica is missing',
      state: 'placing',
      rests: 'settled',
      objects: [...fleet, web, replica(0)],
      after: (world) =>
        expect(
          world
            .list('Alloc')
            .map(({ spec }) => spec.slot)
            .sort(),
        ).to.deep.equal([0, 1]),
    },
    {
      when: 'an outdated replica never served',
      state: 'superseding',
      rests: 'settled',
      objects: [
        ...fleet,
        web,
        changed(replica(0, { template: older }), {
          status: { phase: 'pending', route: undefined, healthyAt: undefined } as object,
        }),
        replica(1),
      ],
      after: (world) => expect(desired(world)).to.deep.equal(['stopped', 'running']),
    },
    {
      when: 'a finished update is left',
      state: 'sweeping',
      rests: 'settled',
      objects: [
        ...fleet,
        web,
        ...replicas,
        migration('web-0-z', { reason: 'update' }, { phase: 'done', finishedAt: timestamp(START_MS) }),
      ],
      after: (world) => expect(world.list('Migration')).to.deep.equal([]),
    },
    {
      when: 'replicas are outdated',
      state: 'updating',
      rests: 'settled',
      objects: [...fleet, web, replica(0, { template: older }), replica(1, { template: older })],
      after(world) {
        expect(desired(world)).to.deep.equal(['running', 'running']);
        expect(world.list('Migration').map(({ spec }) => spec.alloc)).to.deep.equal(['web-0-a']);
      },
    },
    {
      when: 'it is deleted',
      state: 'stoppingAllocs',
      rests: 'awaitingAllocs',
      objects: [...fleet, going, ...replicas],
      after: (world) => expect(desired(world)).to.deep.equal(['stopped', 'stopped']),
    },
    {
      when: 'it is deleted and its replicas were told to stop',
      state: 'awaitingAllocs',
      objects: [...fleet, going, replica(0, { desired: 'stopped' })],
    },
    {
      when: 'it is deleted and its replicas are over',
      state: 'releasing',
      objects: [...fleet, going],
      after: (world) => expect(world.find('Service', 'web')).to.equal(undefined),
    },
  ],
});
