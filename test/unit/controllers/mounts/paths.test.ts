import { expect } from 'chai';
import type { Volume } from '../../../../api/kinds/volume.ts';
import { createMountsController } from '../../../../controllers/mounts/controller.ts';
import { machine } from '../../../../controllers/mounts/machine.ts';
import { MountTable } from '../../../../controllers/mounts/table.ts';
import { volumeRef } from '../../../../runtime/drivers/volume.ts';
import { alloc, volume } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';
import type { World } from '../../../vocabulary/world.ts';
import { PlayedWriters } from './played-writers.ts';

interface Outside {
  readonly table: MountTable;
  readonly writers: PlayedWriters;
}

const template = { volumes: [{ name: 'data', volume: 'data', path: 'd' }] };
const wants = alloc('db-0', { template });
const suspended = alloc('db-0', { template, desired: 'suspended' });
const data = (wanted: string, status: Partial<Volume['status']> = {}) =>
  volume('data', { node: wanted }, { phase: 'attached', node: 'node-1', handle: 'x', ...status });
const is =
  ({ mounted = false, doubted = false, used = false, fenced = false }) =>
  async ({ table, writers }: Outside) => {
    await table.unmountByName('data');
    if (mounted) await table.mount(volumeRef(data('node-1')));
    if (doubted) table.doubt();
    writers.using.clear();
    if (used) writers.using.add('data');
    writers.isFenced = fenced;
  };
const recorded = { mounted: true };
const expectMounted =
  (mounted: boolean) =>
  (world: World, { table }: Outside) => {
    expect(table.holds('data')).to.equal(mounted);
    expect(world.get('Volume', 'data').status.mounted ?? false).to.equal(mounted);
  };

describePaths('the ways of the mounts controller', {
  machine,
  key: 'data',
  stage({ environment }) {
    const effects: string[] = [];
    const writers = new PlayedWriters();
    const mounter = {
      async mount() {
        effects.push('mount');
        return '/mnt/data';
      },
      async unmount() {
        effects.push('unmount');
      },
    };
    const table = new MountTable(mounter, 'node-1');
    const reader = environment.source.state;
    const controller = createMountsController({ node: 'node-1', table, writers, reader });
    return { controller, table, writers, effects };
  },
  situations: [
    { when: 'nobody needs it', state: 'idle', objects: [data('node-1')], outside: is({}) },
    {
      when: 'it is mounted and its alloc is suspended',
      state: 'idle',
      objects: [data('node-1', recorded), suspended],
      outside: is({ mounted: true }),
      after: expectMounted(true),
    },
    {
      when: 'an alloc needs it',
      state: 'mounting',
      rests: 'mounted',
      objects: [data('node-1'), wants],
      outside: is({}),
      after: expectMounted(true),
    },
    {
      when: 'an earlier agent had it mounted',
      state: 'mounting',
      rests: 'mounted',
      objects: [data('node-1', recorded), wants],
      outside: is({}),
      after: expectMounted(true),
    },
    {
      when: 'it is mounted, and the servers may have given the node up since',
      state: 'mounting',
      rests: 'mounted',
      objects: [data('node-1', recorded), wants],
      outside: is({ mounted: true, doubted: true }),
      after: expectMounted(true),
    },
    {
      when: 'it is in use',
      state: 'mounted',
      objects: [data('node-1', recorded), wants],
      outside: is({ mounted: true, used: true }),
      after: expectMounted(true),
      never: ['unmount'],
    },
    {
      when: 'it is on its way here',
      state: 'awaitingAttachment',
      objects: [data('node-1', { phase: 'attaching' }), wants],
      outside: is({}),
      after: expectMounted(false),
      never: ['mount'],
    },
    {
      when: 'it begins to leave',
      state: 'awaitingAttachment',
      objects: [data('node-1', { phase: 'detaching' }), wants],
      outside: is({}),
      after: expectMounted(false),
      never: ['mount'],
    },
    {
      when: 'the servers may have given the node up',
      state: 'awaitingAttachment',
      objects: [data('node-1'), wants],
      outside: is({ fenced: true }),
      after: expectMounted(false),
    },
    {
      when: 'it is wanted elsewhere while a process has it open',
      state: 'awaitingWorkload',
      objects: [data('node-2', recorded), suspended],
      outside: is({ mounted: true, used: true }),
      after: expectMounted(true),
      never: ['mount', 'unmount'],
    },
    {
      when: 'it is wanted elsewhere and nobody has it open',
      state: 'unmounting',
      rests: 'unmounted',
      objects: [data('node-2', recorded), suspended],
      outside: is({ mounted: true }),
      after: expectMounted(false),
      never: ['mount'],
    },
    {
      when: 'it is wanted elsewhere and is not mounted',
      state: 'unmounted',
      objects: [data('node-2'), suspended],
      outside: is({}),
      after: expectMounted(false),
      never: ['mount'],
    },
  ],
});
