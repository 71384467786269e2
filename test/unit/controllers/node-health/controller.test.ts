import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import { isTrue } from '../../../../api/conditions.ts';
import { createNodeHealthController } from '../../../../controllers/node-health/controller.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { byTheirWord } from '../../../vocabulary/lease-times.ts';
import { alloc, changed, node, nodeLease } from '../../../vocabulary/objects.ts';
import { createWorld, type World, type WorldOptions } from '../../../vocabulary/world.ts';

const LEASE_MS = 15_000;
const DOWN_AFTER_MS = 20_000;

describe('the node-health controller', () => {
  let world: World;
  const start = async (options: WorldOptions) => {
    world = await createWorld(options);
    await world.run(
      createNodeHealthController({
        leases: byTheirWord,
        startedAtMs: world.clock.now(),
        downAfterMs: DOWN_AFTER_MS,
      }),
    );
  };
  const heartbeat = (name: string) => world.put(nodeLease(name, { renewTime: timestamp(world.clock.now()) }));
  const phase = (name: string) => world.get('Node', name).status.phase;

  afterEach(async () => {
    expect(world.failures).to.deep.equal([]);
    await world.close();
  });

  it('says that a new node was never seen, and makes it ready with its first heartbeat', async () => {
    await start({ objects: [node('node-1', {}, { phase: 'down' })] });
    expect(world.get('Node', 'node-1').status.conditions[0]).to.include({
      type: 'Ready',
      reason: 'NeverSeen',
    });
    await heartbeat('node-1');
    expect(phase('node-1')).to.equal('ready');
    expect(isTrue(world.get('Node', 'node-1').status.conditions, 'Ready')).to.equal(true);
  });

  it('finds a node down when its lease runs out, records it, and only then fails its allocs', async () => {
    const objects = [node('node-1'), nodeLease('node-1'), alloc('web-0-a', { node: 'node-1' })];
    await start({ objects });
    await world.advance(DOWN_AFTER_MS - 1);
    expect(phase('node-1')).to.equal('ready');
    await world.advance(1);
    expect(world.get('Node', 'node-1').status).to.include({
      phase: 'down',
      lastHeartbeat: timestamp(START_MS),
    });
    expect(world.get('Alloc', 'web-0-a').status).to.include({ phase: 'failed', reason: 'NodeDown' });
    const recorded = world.writes.lastIndexOf('updateStatus Node/node-1');
    expect(world.writes.indexOf('patch Alloc/web-0-a')).to.be.greaterThan(recorded);
    expect(world.events.filter((event) => event.includes('NodeDown'))).to.have.length(1);
  });

  it('writes nothing for a heartbeat, and keeps a node that sends them ready', async () => {
    await start({ objects: [node('node-1'), nodeLease('node-1')] });
    const written = world.writes.length;
    for (let beat = 0; beat < 20; beat++) {
      await world.advance(LEASE_MS / 3);
      await heartbeat('node-1');
    }
    expect(phase('node-1')).to.equal('ready');
    expect(world.writes).to.have.length(written);
  });

  it('fails an alloc that appears on a node that is down', async () => {
    await start({ objects: [node('node-1', {}, { phase: 'down' })] });
    await world.put(alloc('web-0-a', { node: 'node-1' }));
    expect(world.get('Alloc', 'web-0-a').status.phase).to.equal('failed');
  });

  it('leaves an alloc that is over as it ended', async () => {
    const over = alloc('job-a', { node: 'node-1' }, { phase: 'stopped', reason: 'Completed', exitCode: 0 });
    await start({ objects: [node('node-1', {}, { phase: 'down' }), over] });
    expect(world.get('Alloc', 'job-a').status).to.include({ phase: 'stopped', reason: 'Completed' });
  });

  it('gives a node that was up time to be heard of after a restart', async () => {
    await start({ objects: [node('node-1'), node('node-2'), node('node-3', {}, { phase: 'down' })] });
    expect(['node-1', 'node-2', 'node-3'].map(phase)).to.deep.equal(['ready', 'ready', 'down']);
    await world.advance(DOWN_AFTER_MS / 2);
    await heartbeat('node-1');
    await world.advance(DOWN_AFTER_MS / 2);
    expect(['node-1', 'node-2'].map(phase)).to.deep.equal(['ready', 'down']);
  });

  it('brings a node back that is heard of again', async () => {
    await start({ objects: [node('node-1'), nodeLease('node-1')] });
    await world.advance(60_000);
    expect(phase('node-1')).to.equal('down');
    await heartbeat('node-1');
    expect(phase('node-1')).to.equal('ready');
    await world.advance(LEASE_MS);
    expect(phase('node-1')).to.equal('down');
  });

  it('calls a node draining from its drain to the end of it, if it is up', async () => {
    await start({ objects: [node('node-1', { drain: true }), nodeLease('node-1')] });
    expect(phase('node-1')).to.equal('draining');
    await world.put(changed(world.get('Node', 'node-1'), { spec: { drain: false } }));
    expect(phase('node-1')).to.equal('ready');
  });

  it('keeps what the drain wrote in the status', async () => {
    const Drained = {
      type: 'Drained',
      status: 'True',
      reason: 'Completed',
      message: 'empty',
      observedGeneration: 1,
      lastTransitionTime: timestamp(START_MS),
    } as const;
    await start({
      objects: [node('node-1', { drain: true }, { conditions: [Drained], observedGeneration: 7 })],
    });
    await world.advance(DOWN_AFTER_MS);
    const { status } = world.get('Node', 'node-1');
    expect(status.conditions[0]).to.deep.equal(Drained);
    expect(status).to.include({ phase: 'down', observedGeneration: 7 });
  });

  it('calls no node down for the time in which it stood still itself', async () => {
    await start({ objects: [node('node-1'), nodeLease('node-1')] });
    await world.advance(DOWN_AFTER_MS - 1);
    await heartbeat('node-1');
    await world.standStill(60_000);
    expect(phase('node-1')).to.equal('ready');
    await world.advance(DOWN_AFTER_MS);
    expect(phase('node-1')).to.equal('down');
  });

  it('gives a node whose lease vanished its time once more', async () => {
    await start({ objects: [node('node-1'), nodeLease('node-1')] });
    await world.advance(DOWN_AFTER_MS - 1);
    await heartbeat('node-1');
    await world.advance(10_000);
    await world.remove('Lease', 'node-node-1');
    expect(phase('node-1')).to.equal('ready');
    await world.advance(DOWN_AFTER_MS);
    expect(phase('node-1')).to.equal('down');
  });
});
