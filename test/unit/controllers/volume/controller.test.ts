import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import { createVolumeController } from '../../../../controllers/volume/controller.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { alloc, changed, node, volume } from '../../../vocabulary/objects.ts';
import { createWorld, type World, type WorldOptions } from '../../../vocabulary/world.ts';
import { TableDriver } from './table-driver.ts';

/** Longer than any pause before a failed reconcile is tried again. */
const LONG_MS = 60_000;

describe('the volume controller', () => {
  let world: World;
  let driver: TableDriver;
  const start = async (options: WorldOptions) => {
    world = await createWorld(options);
    driver = new TableDriver();
    await world.run(createVolumeController({ drivers: { local: driver } }));
  };
  const data = () => world.get('Volume', 'data');
  const mounting = (name: string, on: string, status = {}, more = {}) =>
    alloc(
      name,
      { node: on, template: { volumes: [{ name: 'data', volume: 'data', path: 'data' }] }, ...more },
      status,
    );
  const fresh = () => volume('data', {}, { phase: 'pending' });
  const nodes = () => [node('node-1'), node('node-2')];
  const mounted = () => world.put(changed(data(), { status: { mounted: true } }));

  afterEach(() => world.close());

  it('provisions a volume that nobody uses, and leaves it detached', async () => {
    await start({ objects: [...nodes(), fresh()] });
    expect(data().status).to.deep.equal({ phase: 'ready', handle: 'table/data', observedGeneration: 1 });
    expect(driver.calls).to.deep.equal(['provision data']);
  });

  it('brings it to where an alloc waits for it', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-2')] });
    expect(data().spec.node).to.equal('node-2');
    expect(data().status).to.include({ phase: 'attached', node: 'node-2' });
    expect(driver.attachments.get('data')).to.equal('node-2');
    expect(world.failures).to.deep.equal([]);
  });

  it('leaves it where it is when its alloc is over, until another node needs it', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    await world.put(mounting('db-0-a', 'node-1', { phase: 'stopped' }));
    expect(data().status).to.include({ phase: 'attached', node: 'node-1' });
    await world.put(mounting('db-0-b', 'node-2'));
    expect(data().status).to.include({ phase: 'attached', node: 'node-2' });
  });

  it('waits until the agent has unmounted it', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    await mounted();
    await world.put(mounting('db-0-a', 'node-1', { phase: 'suspended' }, { desired: 'suspended' }));
    await world.put(mounting('db-0-b', 'node-2', {}, { replaces: 'db-0-a' }));
    expect(data().spec.node).to.equal('node-1');
    await world.put(changed(data(), { spec: { node: 'node-2' } }));
    expect(data().status).to.include({ phase: 'attached', node: 'node-1', mounted: true });
    await world.put(changed(data(), { status: { mounted: false } }));
    expect(data().status).to.include({ phase: 'attached', node: 'node-2' });
    expect(driver.calls.slice(-2)).to.deep.equal(['detach data node-1', 'attach data node-2']);
  });

  it('does not let an original of a migration and its replacement pull at it', async () => {
    const original = mounting('db-0-a', 'node-1', { phase: 'suspended' }, { desired: 'suspended' });
    await start({
      objects: [...nodes(), volume('data', { node: 'node-1' }, { phase: 'pending' }), original],
    });
    expect(data().status).to.include({ node: 'node-1' });
    await world.put(mounting('db-0-b', 'node-2', {}, { replaces: 'db-0-a' }));
    expect(data().status).to.include({ node: 'node-1' });
  });

  it('takes it by force from a node that is down, mounted or not', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    await mounted();
    await world.put(node('node-1', {}, { phase: 'down' }), mounting('db-0-a', 'node-1', { phase: 'failed' }));
    expect(data().status).to.include({ phase: 'attached', node: 'node-1' });
    await world.put(mounting('db-0-b', 'node-2'));
    expect(data().status).to.include({ phase: 'attached', node: 'node-2' });
    expect(data().status.mounted).to.equal(undefined);
    expect(world.events.some((event) => event.startsWith('Warning DetachedByForce'))).to.equal(true);
  });

  it('takes it from a node that is gone', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    await mounted();
    await world.put(mounting('db-0-a', 'node-1', { phase: 'failed' }), mounting('db-0-b', 'node-2'));
    expect(data().status.node).to.equal('node-1');
    await world.remove('Node', 'node-1');
    expect(data().status).to.include({ phase: 'attached', node: 'node-2' });
  });

  it('says why it cannot get where it is wanted, and goes when it can', async () => {
    const objects = [node('node-1', { drain: true }), node('node-2'), fresh(), mounting('db-0-a', 'node-1')];
    await start({ objects });
    expect(data().status).to.include({ phase: 'ready', message: 'node "node-1" is draining' });
    await world.put(node('node-1'));
    expect(data().status).to.include({ phase: 'attached', node: 'node-1' });
    expect(data().status.message).to.equal(undefined);
  });

  it('brings it back to a draining node for an alloc that is suspended there', async () => {
    const status = { phase: 'suspended', suspendedAt: timestamp(START_MS) } as const;
    const suspended = mounting('db-0-a', 'node-1', status, { desired: 'suspended' });
    const objects = [
      node('node-1', { drain: true }),
      volume('data', { node: 'node-1' }, { phase: 'pending' }),
    ];
    await start({ objects: [...objects, suspended] });
    expect(data().status).to.include({ phase: 'attached', node: 'node-1' });
  });

  for (const failure of ['provision', 'attach', 'attachedTo']) {
    it(`says what is wrong when ${failure} fails, keeps trying with pauses, and heals by itself`, async () => {
      await start({ objects: [...nodes(), fresh()] });
      if (failure === 'provision') await world.remove('Volume', 'data');
      driver.failure = failure;
      driver.calls.length = 0;
      await world.put(fresh(), mounting('db-0-a', 'node-1'));
      await world.advance(LONG_MS);
      expect(data().status.phase).to.equal('failed');
      expect(data().status.message).to.match(/no (provision|attach) today|the driver is away/);
      expect(driver.calls.length).to.be.lessThan(30);
      const written = world.writes.length;
      await world.advance(LONG_MS);
      expect(world.writes.length).to.equal(written);
      driver.failure = undefined;
      await world.advance(LONG_MS);
      expect(data().status).to.include({ phase: 'attached', node: 'node-1' });
      expect(data().status.message).to.equal(undefined);
    });
  }

  it('stays attached where it is while the node that waits for it cannot take it, and says so', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    await world.put(node('node-2', { drain: true }));
    driver.failure = 'attachedTo';
    await world.put(mounting('db-0-a', 'node-1', { phase: 'failed' }), mounting('db-0-b', 'node-2'));
    expect(data().status).to.include({ phase: 'failed', node: 'node-1' });
    driver.failure = undefined;
    await world.advance(LONG_MS);
    const message = 'node "node-2" is draining';
    expect(data().status).to.include({ phase: 'attached', node: 'node-1', message });
    expect(driver.calls.some((call) => call.startsWith('detach'))).to.equal(false);
    await world.put(node('node-2'));
    expect(data().status).to.include({ phase: 'attached', node: 'node-2' });
    expect(data().status.message).to.equal(undefined);
  });

  it('is still on its way, and has not failed, when the node that it is attached to begins to drain after a failed attempt', async () => {
    await start({ objects: [...nodes(), fresh()] });
    driver.failure = 'attach';
    await world.put(mounting('db-0-a', 'node-1'));
    expect(data().status).to.include({ phase: 'failed', node: 'node-1' });
    await world.put(node('node-1', { drain: true }));
    driver.failure = undefined;
    await world.advance(LONG_MS);
    const message = 'node "node-1" is draining';
    expect(data().status).to.include({ phase: 'attaching', node: 'node-1', message });
    await world.put(node('node-1'));
    expect(data().status).to.include({ phase: 'attached', node: 'node-1' });
  });

  it('is on record nowhere when it was detached unseen before the node that waits for it began to drain', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    driver.failure = 'attachedTo';
    await world.put(mounting('db-0-a', 'node-1', { phase: 'failed' }), mounting('db-0-b', 'node-2'));
    await world.put(node('node-2', { drain: true }));
    driver.attachments.set('data', undefined);
    driver.failure = undefined;
    await world.advance(LONG_MS);
    expect(data().status).to.include({ phase: 'ready', message: 'node "node-2" is draining' });
    expect(data().status.node).to.equal(undefined);
  });

  it('notices in the end that it was attached, or detached, behind its back', async () => {
    await start({ objects: [...nodes(), fresh()] });
    driver.attachments.set('data', 'node-2');
    await world.advance(LONG_MS);
    expect(driver.attachments.get('data')).to.equal(undefined);
    await world.put(mounting('db-0-a', 'node-1'));
    driver.attachments.set('data', undefined);
    await world.advance(LONG_MS);
    expect(driver.attachments.get('data')).to.equal('node-1');
    const written = world.writes.length;
    await world.advance(10 * LONG_MS);
    expect(world.writes.length).to.equal(written);
  });

  it('goes on with a detach that failed', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    driver.failure = 'detach';
    await world.put(mounting('db-0-a', 'node-1', { phase: 'stopped' }), mounting('db-0-b', 'node-2'));
    await world.advance(LONG_MS);
    expect(data().status).to.include({ phase: 'failed', node: 'node-1' });
    expect(data().status.message).to.equal('cannot detach from node "node-1": no detach today');
    driver.failure = undefined;
    await world.advance(LONG_MS);
    expect(data().status).to.include({ phase: 'attached', node: 'node-2' });
  });

  it('does not detach what was wanted back while it looked, also where its leaving is on record', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    const leaving = changed(data(), { spec: { node: 'node-2' }, status: { phase: 'detaching' } });
    driver.calls.length = 0;
    driver.meanwhile = () => world.client.patch('Volume', 'data', { spec: { node: 'node-1' } });
    await world.put(mounting('db-0-b', 'node-2', {}, { replaces: 'db-0-a' }), leaving);
    await world.advance(LONG_MS);
    expect(driver.calls).to.deep.equal(['attach data node-1']);
    expect(data().status).to.include({ phase: 'attached', node: 'node-1' });
  });

  it('keeps in mind that it is mounted when it is attached once more', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    driver.calls.length = 0;
    await world.put(changed(data(), { status: { phase: 'failed', message: 'x', mounted: true } }));
    expect(driver.calls).to.deep.equal(['attach data node-1']);
    expect(data().status).to.include({ phase: 'attached', node: 'node-1', mounted: true });
  });

  it('says that a driver is missing', async () => {
    await start({ objects: [...nodes(), volume('data', { driver: 'csi' }, { phase: 'pending' })] });
    expect(data().status).to.include({
      phase: 'failed',
      message: 'no driver "csi" is configured on this server',
    });
    expect(world.failures).to.deep.equal([]);
  });

  it('deletes it with its data only when no alloc mounts it any more', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    await mounted();
    await world.client.delete('Volume', 'data');
    await world.settle();
    expect(data().status).to.include({ phase: 'attached', node: 'node-1' });
    await world.put(mounting('db-0-a', 'node-1', { phase: 'stopped' }));
    expect(data().status).to.include({ phase: 'attached', node: 'node-1' });
    await world.put(changed(data(), { status: { mounted: false } }));
    expect(world.find('Volume', 'data')).to.equal(undefined);
    expect(driver.calls.slice(-2)).to.deep.equal(['detach data node-1', 'destroy data']);
    expect(driver.attachments.has('data')).to.equal(false);
  });

  it('writes nothing more once all is as it should be', async () => {
    await start({ objects: [...nodes(), fresh(), mounting('db-0-a', 'node-1')] });
    const written = world.writes.length;
    await world.put(changed(world.get('Node', 'node-1'), { metadata: { labels: { zone: 'a' } } }));
    await world.advance(LONG_MS);
    expect(world.writes.length).to.equal(written);
  });
});
