import { expect } from 'chai';
import { createMountsController } from '../../../../controllers/mounts/controller.ts';
import { MountTable } from '../../../../controllers/mounts/table.ts';
import type { VolumeMounter } from '../../../../runtime/drivers/volume.ts';
import { alloc, changed, volume } from '../../../vocabulary/objects.ts';
import { createWorld, type World } from '../../../vocabulary/world.ts';
import { PlayedWriters } from './played-writers.ts';

const LONG_MS = 60_000;

describe('the mounts controller', () => {
  let world: World;
  let writers: PlayedWriters;
  let table: MountTable;
  let calls: string[];
  let failure: Error | undefined;
  const mounter: VolumeMounter = {
    async mount({ name }, node) {
      calls.push(`mount ${name} on ${node}, recorded: ${data().status.mounted}`);
      if (failure) throw failure;
      return `/mnt/${name}`;
    },
    async unmount({ name }, node) {
      calls.push(`unmount ${name} on ${node}, recorded: ${world.find('Volume', 'data')?.status.mounted}`);
    },
  };
  const data = () => world.get('Volume', 'data');
  const here = { phase: 'attached', node: 'node-1', handle: 'x' } as const;
  const db = (status = {}, more = {}) =>
    alloc('db-0', { template: { volumes: [{ name: 'data', volume: 'data', path: 'd' }] }, ...more }, status);
  const start = async (...objects: Parameters<World['put']>) => {
    world = await createWorld({ objects });
    writers = new PlayedWriters();
    calls = [];
    failure = undefined;
    table = new MountTable(mounter, 'node-1');
    const reader = world.environment.source.state;
    await world.run(createMountsController({ node: 'node-1', table, writers, reader }));
  };
  const leave = () => world.put(changed(data(), { spec: { node: 'node-2' } }));

  afterEach(() => world.close());

  it('records a volume as mounted, and mounts it then', async () => {
    await start(volume('data', { node: 'node-1' }, here), db());
    expect(calls).to.deep.equal(['mount data on node-1, recorded: true']);
    expect(table.directory('data')).to.equal('/mnt/data');
    expect(data().status).to.include({ phase: 'attached', mounted: true });
  });

  it('mounts nothing that no alloc wants to run with', async () => {
    await start(volume('data', { node: 'node-1' }, here), db({}, { desired: 'suspended' }));
    await world.put(db({ phase: 'stopped' }));
    expect(calls).to.deep.equal([]);
    await world.put(db());
    expect(calls).to.have.length(1);
  });

  it('does not mount a volume that began to leave since it was looked at', async () => {
    await start(volume('data', { node: 'node-1' }, here));
    const { client } = world;
    const patch = client.patch.bind(client);
    // The volume controller is a moment faster.
    client.patch = async (kind, name, part, options) => {
      client.patch = patch;
      await world.environment.client.updateStatus<'Volume'>({
        ...data(),
        status: { ...data().status, phase: 'detaching' },
      });
      return patch(kind, name, part, options);
    };
    await world.put(db());
    await world.advance(LONG_MS);
    expect(calls).to.deep.equal([]);
    expect(data().status.mounted).to.equal(undefined);
  });

  it('unmounts a volume that is wanted elsewhere when its writer is gone, and says so', async () => {
    await start(volume('data', { node: 'node-1' }, here), db());
    writers.using.add('data');
    await leave();
    expect(calls).to.have.length(1);
    writers.using.delete('data');
    writers.changed('db-0');
    await world.settle();
    expect(calls.slice(1)).to.deep.equal(['unmount data on node-1, recorded: true']);
    expect(data().status.mounted).to.equal(false);
    expect(table.directory('data')).to.equal(undefined);
  });

  it('keeps an idle volume mounted while it is wanted here', async () => {
    await start(volume('data', { node: 'node-1' }, here), db());
    await world.put(db({ phase: 'stopped' }));
    expect(calls).to.have.length(1);
    await world.put(changed(data(), { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } }));
    expect(calls).to.have.length(2);
    expect(data().status.mounted).to.equal(false);
  });

  it('cuts off a writer whose volume was taken away by force', async () => {
    await start(volume('data', { node: 'node-1' }, here), db());
    writers.using.add('data');
    await world.remove('Volume', 'data');
    expect(writers.using.size).to.equal(0);
    expect(calls.at(-1)).to.match(/^unmount data/);
  });

  it('gives no directory out after the node was given up, until the servers confirmed it', async () => {
    await start(volume('data', { node: 'node-1' }, here), db());
    writers.fence(true);
    table.doubt();
    await world.settle();
    expect(table.directory('data')).to.equal(undefined);
    expect(calls).to.have.length(1);
    const written = world.writes.length;
    writers.fence(false);
    await world.settle();
    expect(world.writes.slice(written)).to.deep.equal(['patch Volume/data']);
    expect(table.directory('data')).to.equal('/mnt/data');
  });

  it('says why a volume cannot be mounted, and tries again', async () => {
    await start(volume('data', { node: 'node-1' }, here));
    failure = new Error('bad superblock');
    await world.put(db());
    expect(table.problem('data')).to.equal('bad superblock');
    failure = undefined;
    await world.advance(LONG_MS);
    expect(table.problem('data')).to.equal(undefined);
    expect(table.directory('data')).to.equal('/mnt/data');
  });
});
