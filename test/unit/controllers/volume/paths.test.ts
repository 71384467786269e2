import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import type { Volume } from '../../../../api/kinds/volume.ts';
import { createVolumeController } from '../../../../controllers/volume/controller.ts';
import { machine } from '../../../../controllers/volume/machine.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { alloc, node, volume } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';
import type { World } from '../../../vocabulary/world.ts';
import { TableDriver } from './table-driver.ts';

interface Outside {
  readonly driver: TableDriver;
}

const nodes = [node('node-1'), node('node-2')];
const template = { volumes: [{ name: 'data', volume: 'data', path: 'data' }] };
const writer = (on: string) => alloc('db-0-a', { node: on, template }, { phase: 'healthy' });
const data = (wanted: string | undefined, status: Partial<Volume['status']> = {}) =>
  volume('data', wanted === undefined ? {} : { node: wanted }, { handle: 'table/data', ...status });
const deleted = { deletionTimestamp: timestamp(START_MS) };
const on = (name: string, more: Partial<Volume['status']> = {}) =>
  ({ phase: 'attached', node: name, ...more }) as const;
/** Where the driver has it. */
const drivenTo =
  (name: string | undefined, failure?: string) =>
  ({ driver }: Outside) => {
    driver.attachments.set('data', name);
    driver.failure = failure;
  };
const status = (world: World) => world.get('Volume', 'data').status;
const isAt =
  (name: string | undefined) =>
  (world: World, { driver }: Outside) => {
    expect(status(world).node).to.equal(name);
    expect(driver.attachments.get('data')).to.equal(name);
  };

describePaths('the ways of the volume controller', {
  machine,
  key: 'data',
  stage: () => {
    const driver = new TableDriver();
    return {
      controller: createVolumeController({ drivers: { local: driver } }),
      driver,
      effects: driver.calls,
    };
  },
  situations: [
    {
      when: 'no server has its driver',
      state: 'withoutDriver',
      objects: [...nodes, volume('data', { driver: 'csi' })],
      outside: drivenTo(undefined),
    },
    {
      when: 'its driver does not say where it is',
      state: 'locating',
      isFailing: true,
      objects: [...nodes, data('node-1', on('node-1'))],
      outside: drivenTo('node-1', 'attachedTo'),
      after: (world) => expect(status(world)).to.include({ phase: 'failed', node: 'node-1' }),
    },
    {
      when: 'it is new',
      state: 'provisioning',
      rests: 'ready',
      objects: [...nodes, volume('data', {}, { phase: 'pending' })],
      outside: drivenTo(undefined),
    },
    {
      when: 'an alloc waits for it',
      state: 'claiming',
      rests: 'attached',
      objects: [...nodes, data(undefined), writer('node-2')],
      outside: drivenTo(undefined),
      after: isAt('node-2'),
    },
    {
      when: 'it is wanted elsewhere, and its agent has mounted it',
      state: 'unmounting',
      objects: [...nodes, data('node-2', on('node-1', { mounted: true }))],
      outside: drivenTo('node-1'),
      after: isAt('node-1'),
      never: ['detach'],
    },
    {
      when: 'it is wanted elsewhere, and its agent has it mounted on a node that drains',
      state: 'unmounting',
      objects: [
        ...nodes.slice(1),
        node('node-1', { drain: true }, { phase: 'draining' }),
        data('node-2', on('node-1', { mounted: true })),
      ],
      outside: drivenTo('node-1'),
      after: isAt('node-1'),
      never: ['detach'],
    },
    {
      when: 'it is wanted elsewhere, and nobody has it mounted',
      state: 'detaching',
      rests: 'attached',
      objects: [...nodes, data('node-2', on('node-1'))],
      outside: drivenTo('node-1'),
      after: isAt('node-2'),
    },
    {
      when: 'its node is lost, and it was mounted there',
      state: 'detaching',
      rests: 'ready',
      objects: [node('node-1', {}, { phase: 'down' }), data(undefined, on('node-1', { mounted: true }))],
      outside: drivenTo('node-1'),
      after: isAt(undefined),
    },
    {
      when: 'it was detached, and that was not recorded',
      state: 'detaching',
      rests: 'attached',
      objects: [...nodes, data('node-2', { phase: 'detaching', node: 'node-1' })],
      outside: drivenTo(undefined),
      after: isAt('node-2'),
    },
    {
      when: 'it is deleted, and nobody needs it',
      state: 'destroying',
      isFinal: true,
      objects: [...nodes, volume('data', {}, { handle: 'table/data' }, deleted)],
      outside: drivenTo(undefined),
      after: (world) => expect(world.find('Volume', 'data')).to.equal(undefined),
    },
    {
      when: 'nobody needs it',
      state: 'ready',
      objects: [...nodes, data(undefined)],
      outside: drivenTo(undefined),
    },
    {
      when: 'the node where it is wanted drains',
      state: 'awaitingNode',
      objects: [node('node-1'), node('node-2', { drain: true }), data('node-2'), writer('node-2')],
      outside: drivenTo(undefined),
      after: isAt(undefined),
    },
    {
      when: 'it is wanted somewhere',
      state: 'attaching',
      rests: 'attached',
      objects: [...nodes, data('node-1')],
      outside: drivenTo(undefined),
      after: isAt('node-1'),
    },
    {
      when: 'an attach was cut short',
      state: 'attaching',
      rests: 'attached',
      objects: [...nodes, data('node-1', { phase: 'attaching', node: 'node-1' })],
      outside: drivenTo(undefined),
      after: isAt('node-1'),
    },
    {
      when: 'it is where it is wanted, and nobody has it mounted',
      state: 'attached',
      objects: [...nodes, data('node-1', on('node-1'))],
      outside: drivenTo('node-1'),
      after: isAt('node-1'),
      never: ['detach'],
    },
    {
      when: 'it is in use where it is wanted',
      state: 'attached',
      objects: [...nodes, data('node-1', on('node-1', { mounted: true })), writer('node-1')],
      outside: drivenTo('node-1'),
      after: isAt('node-1'),
      never: ['detach'],
    },
  ],
});
