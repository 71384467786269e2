import { expect } from 'chai';
import { isTerminal } from '../../../../api/kinds/alloc.ts';
import { createServiceController } from '../../../../controllers/service/controller.ts';
import { type Agents, playAgents } from '../../../vocabulary/agents.ts';
import { changed, healthyAlloc, migration, node, service, volume } from '../../../vocabulary/objects.ts';
import { createWorld, type World, type WorldOptions } from '../../../vocabulary/world.ts';

const NODES = [node('node-1'), node('node-2'), node('node-3')];

describe('the service controller', () => {
  let world: World;
  let agents: Agents;
  const start = async (options: WorldOptions, fate?: Agents['fate']) => {
    world = await createWorld(options);
    agents = await playAgents(world, fate);
    await world.run(createServiceController());
  };
  const active = () => world.list('Alloc').filter((alloc) => !isTerminal(alloc));
  const web = () => world.get('Service', 'web');
  const condition = (type: string) => web().status.conditions.find((each) => each.type === type);

  afterEach(async () => {
    expect(world.failures).to.deep.equal([]);
    await world.close();
  });

  it('fills every slot, spread over the nodes, and reports when all serve', async () => {
    await start({ objects: [...NODES, service('web', { replicas: 3, ports: [{ name: 'http' }] })] });
    const allocs = active();
    expect(allocs.map((alloc) => alloc.spec.slot)).to.deep.equal([0, 1, 2]);
    expect(allocs.map((alloc) => alloc.spec.node).sort()).to.deep.equal(['node-1', 'node-2', 'node-3']);
    expect(allocs[0]?.metadata.name).to.match(/^web-0-[a-z0-9]{5}$/);
    expect(allocs[0]?.metadata.labels).to.deep.equal({ 'mill.dev/service': 'web' });
    expect(allocs[0]?.spec.ports).to.deep.equal(['http']);
    expect(web().status).to.include({ ready: 3, wanted: 3, replicas: 3, observedGeneration: 1 });
    expect(condition('Available')).to.include({ status: 'True', reason: 'AllHealthy' });
    expect(condition('Placed')).to.include({ status: 'True', reason: 'AllPlaced' });
  });

  it('does nothing more once all is as it should be', async () => {
    await start({ objects: [...NODES, service('web', { replicas: 3 })] });
    const written = world.writes.length;
    await world.put(changed(node('node-1'), { status: { observedGeneration: 4 } }));
    await world.advance(60_000);
    expect(world.writes).to.have.length(written);
  });

  it('counts an alloc as ready only when it is routed', async () => {
    const wanted = service('web', { replicas: 1 });
    const unrouted = changed(healthyAlloc('web-0-a', wanted), { status: { route: 'unrouted' } });
    await start({ objects: [...NODES, wanted, unrouted] });
    expect(web().status).to.include({ ready: 0, wanted: 1 });
    expect(condition('Available')).to.include({ status: 'False', reason: 'TooFewHealthy' });
  });

  it('stops the highest slots first when it is scaled down, and fills them again when it is scaled up', async () => {
    await start({ objects: [...NODES, service('web', { replicas: 3 })] });
    await world.client.patch('Service', 'web', { spec: { replicas: 1 } });
    await world.settle();
    expect(active().map((alloc) => alloc.spec.slot)).to.deep.equal([0]);
    const stopped = world.list('Alloc').filter(isTerminal);
    expect(stopped.map((alloc) => alloc.spec.stopReason)).to.deep.equal(['ScaledDown', 'ScaledDown']);
    expect(web().status).to.include({ ready: 1, wanted: 1 });
    await world.client.patch('Service', 'web', { spec: { replicas: 2 } });
    await world.settle();
    expect(active().map((alloc) => alloc.spec.slot)).to.deep.equal([0, 1]);
  });

  it('stops the replacement in a slot that is not wanted any more, too', async () => {
    const wanted = service('web', { replicas: 1 });
    const original = healthyAlloc('web-1-a', wanted, { slot: 1 });
    const replacement = healthyAlloc('web-1-b', wanted, { slot: 1, node: 'node-2', replaces: 'web-1-a' });
    const objects = [
      ...NODES,
      wanted,
      healthyAlloc('web-0-a', wanted),
      original,
      replacement,
      migration('web-1-a'),
    ];
    await start({ objects });
    expect(active().map((alloc) => alloc.metadata.name)).to.deep.equal(['web-0-a']);
  });

  it('replaces the allocs of a node that went down at once, on other nodes', async () => {
    await start({ objects: [...NODES, service('web', { replicas: 3 })] });
    const lost = active().find((alloc) => alloc.spec.node === 'node-3');
    await world.put(changed(world.get('Node', 'node-3'), { status: { phase: 'down' } }));
    await agents.report(lost?.metadata.name ?? '', { phase: 'failed', reason: 'NodeDown' });
    const nodes = active().map((alloc) => alloc.spec.node);
    expect(nodes).to.have.length(3);
    expect(nodes).not.to.include('node-3');
    expect(web().status.ready).to.equal(3);
  });

  it('backs off further with every failure in a row, up to half a minute, and keeps the last five', async () => {
    await start({ objects: [...NODES, service('web')] }, () => 'failed');
    const seen = new Set<number>();
    for (let seconds = 0; seconds < 200; seconds += 0.5) {
      await world.advance(500);
      const allocs = world.list('Alloc');
      expect(allocs).to.have.length.at.most(6);
      for (const alloc of allocs) seen.add(Date.parse(alloc.metadata.creationTimestamp));
    }
    const startedAtMs = [...seen].sort((a, b) => a - b);
    const gaps = startedAtMs.slice(1).map((ms, index) => ms - (startedAtMs[index] ?? 0));
    expect(gaps.slice(0, 9)).to.deep.equal([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(condition('Placed')).to.include({ status: 'False', reason: 'BackingOff' });
    expect(condition('Placed')?.message).to.match(
      /^slot 0 failed \d+ times in a row, the last was web-0-.*\(exited with 1\)/,
    );
  });

  it('tries another node after two failures on the same one', async () => {
    await start({ objects: [...NODES, service('web')] }, (alloc) =>
      alloc.spec.node === 'node-1' ? 'failed' : 'healthy',
    );
    await world.advance(2_000);
    expect(active().map((alloc) => alloc.spec.node)).to.deep.equal(['node-2']);
  });

  it('starts a failed alloc anew at once when it had done well for a while', async () => {
    await start({ objects: [...NODES, service('web')] });
    const [first] = active();
    await world.advance(10_000);
    await agents.crash(first?.metadata.name ?? '');
    expect(active()).to.have.length(1);
    expect(web().status.ready).to.equal(1);
    const [second] = active();
    await agents.crash(second?.metadata.name ?? '');
    expect(active()).to.have.length(0);
    await world.advance(500);
    expect(active()).to.have.length(1);
  });

  it('says by node why a replica has no place, and places it as soon as a node has room', async () => {
    const wanted = service('web', { replicas: 2, template: { resources: { cpu: '1' } } });
    await start({
      objects: [node('node-1', { capacity: { cpu: '1' } }), node('node-2', { drain: true }), wanted],
    });
    expect(active()).to.have.length(1);
    expect(condition('Placed')).to.include({ status: 'False', reason: 'NoPlace' });
    expect(condition('Placed')?.message).to.equal(
      '1 of 2 wait: no node has a place for it (node-1: needs 1 CPU, 0 free; node-2: is draining)',
    );
    await world.put(changed(world.get('Node', 'node-2'), { spec: { drain: false } }));
    expect(active()).to.have.length(2);
    expect(condition('Placed')).to.include({ status: 'True' });
  });

  it('uses the room that an alloc of somebody else leaves', async () => {
    const other = service('other');
    const full = healthyAlloc('other-0-a', other, { node: 'node-1' });
    await start({ objects: [node('node-1', { capacity: { allocs: 1 } }), full, service('web')] });
    expect(condition('Placed')).to.include({ reason: 'NoPlace' });
    await agents.crash('other-0-a');
    expect(active().map((alloc) => alloc.spec.owner.name)).to.deep.equal(['web']);
  });

  it('places more replicas than one pass does', async () => {
    await start({ objects: [...NODES, service('web', { replicas: 70 })] });
    expect(active()).to.have.length(70);
    expect(web().status).to.include({ ready: 70, replicas: 70 });
  });

  it('stops all allocs before it lets a deleted service go, and takes them along', async () => {
    await start({ objects: [...NODES, service('web', { replicas: 2 })] });
    const [first] = active();
    await world.client.delete('Service', 'web');
    await world.settle();
    expect(world.find('Service', 'web')).to.equal(undefined);
    expect(world.list('Alloc')).to.deep.equal([]);
    expect(world.writes).to.include(`patch Alloc/${first?.metadata.name}`);
  });

  it('waits for an alloc that takes its time before it lets the service go', async () => {
    const gone = { deletionTimestamp: '2030-01-01T00:00:00.000Z' };
    const going = changed(service('web'), { metadata: gone });
    // Nobody answers for a node that is down until node-health does.
    const stuck = healthyAlloc('web-0-a', going, { node: 'node-1' });
    await start({ objects: [node('node-1', {}, { phase: 'down' }), going, stuck] });
    expect(world.get('Alloc', 'web-0-a').spec).to.include({ desired: 'stopped', stopReason: 'OwnerDeleted' });
    expect(world.find('Service', 'web')).not.to.equal(undefined);
    await agents.report('web-0-a', { phase: 'failed', reason: 'NodeDown' });
    expect(world.find('Service', 'web')).to.equal(undefined);
  });

  it('goes back to the node where its volume is', async () => {
    const db = service('web', { template: { volumes: [{ name: 'data', volume: 'data', path: '/data' }] } });
    const data = volume('data', { node: 'node-3' }, { phase: 'attached', node: 'node-3' });
    await start({ objects: [...NODES, data, db] });
    expect(active().map((alloc) => alloc.spec.node)).to.deep.equal(['node-3']);
  });
});
