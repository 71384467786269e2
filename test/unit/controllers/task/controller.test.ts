import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import type { TaskStatus } from '../../../../api/kinds/task.ts';
import { createTaskController } from '../../../../controllers/task/controller.ts';
import { type Agents, playAgents } from '../../../vocabulary/agents.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { changed, healthyAlloc, node, service, task, volume } from '../../../vocabulary/objects.ts';
import { createWorld, type World, type WorldOptions } from '../../../vocabulary/world.ts';

describe('the task controller', () => {
  let world: World;
  let agents: Agents;
  const start = async (options: WorldOptions, fate: Agents['fate'] = () => 'healthy') => {
    world = await createWorld(options);
    agents = await playAgents(world, fate);
    await world.run(createTaskController());
  };
  const job = (): TaskStatus => world.get('Task', 'job').status;
  const only = () => {
    const allocs = world.list('Alloc');
    expect(allocs).to.have.length(1);
    return allocs[0]?.metadata.name ?? '';
  };

  afterEach(async () => {
    expect(world.failures).to.deep.equal([]);
    await world.close();
  });

  it('runs once, to its end', async () => {
    await start({ objects: [node('node-1'), task('job')] }, () => 'completed');
    expect(only()).to.match(/^job-[a-z0-9]{5}$/);
    expect(job()).to.include({
      phase: 'succeeded',
      node: 'node-1',
      alloc: only(),
      exitCode: 0,
      observedGeneration: 1,
    });
    expect(world.get('Alloc', only()).metadata.labels).to.deep.equal({ 'mill.dev/task': 'job' });
    await world.advance(60_000);
    expect(only()).to.equal(job().alloc);
  });

  it('costs one commit for its alloc and one for what is to be said of it', async () => {
    await start({ objects: [node('node-1'), task('job')] }, () => 'waiting');
    expect(world.writes).to.deep.equal([`create Alloc/${only()}`, 'updateStatus Task/job']);
    expect(job()).to.include({ phase: 'pending', alloc: only() });
  });

  it('reports how it failed, and does not try again', async () => {
    await start({ objects: [node('node-1'), task('job')] }, () => 'failed');
    await world.advance(60_000);
    expect(only()).to.equal(job().alloc);
    expect(job()).to.include({ phase: 'failed', exitCode: 1, message: 'exited with 1' });
  });

  it('is running while its alloc is, with the time at which it began', async () => {
    await start({ objects: [node('node-1'), task('job')] });
    expect(job()).to.include({ phase: 'running', startedAt: timestamp(START_MS) });
  });

  it('says why it has no place, and takes the first that there is', async () => {
    await start({ objects: [node('node-1', { unschedulable: true }), task('job')] });
    expect(job()).to.deep.include({
      phase: 'pending',
      message: 'no node has a place for it (node-1: is cordoned)',
    });
    await world.put(node('node-2'));
    expect(job()).to.include({ phase: 'running', node: 'node-2' });
    expect(job()).not.to.have.property('message');
  });

  it('waits until the volume that it mounts is free', async () => {
    const mounts = { template: { volumes: [{ name: 'data', volume: 'data', path: '/data' }] } };
    const db = service('db', mounts);
    await start({
      objects: [node('node-1'), volume('data'), healthyAlloc('db-0-a', db), task('job', mounts)],
    });
    expect(job().message).to.equal('no node has a place for it (volume data is mounted by alloc db-0-a)');
    await agents.crash('db-0-a');
    expect(job().phase).to.equal('running');
  });

  it('is stopped and has failed when it runs longer than it may', async () => {
    await start({ objects: [node('node-1'), task('job', { timeout: '30s' })] });
    await world.advance(29_999);
    expect(job().phase).to.equal('running');
    await world.advance(1);
    expect(job()).to.include({ phase: 'failed', message: 'it ran longer than 30s' });
    expect(world.get('Alloc', only()).spec.stopReason).to.equal('TimedOut');
  });

  it('says that it was stopped by the drain of its node, and is not moved', async () => {
    await start({ objects: [node('node-1'), node('node-2'), task('job')] });
    await world.client.patch('Alloc', only(), { spec: { desired: 'stopped', stopReason: 'NodeDrained' } });
    await world.settle();
    expect(job()).to.include({ phase: 'stopped', message: 'stopped: node node-1 was drained' });
    expect(only()).to.equal(job().alloc);
  });

  it('has failed when its node went down', async () => {
    await start({ objects: [node('node-1'), node('node-2'), task('job')] });
    await agents.report(only(), { phase: 'failed', reason: 'NodeDown', message: 'node node-1 is down' });
    expect(job()).to.include({ phase: 'failed', message: 'node node-1 is down' });
    expect(only()).to.equal(job().alloc);
  });

  it('has succeeded when it came to its end just before it was to be stopped', async () => {
    await start({ objects: [node('node-1'), task('job')] }, () => 'waiting');
    const name = only();
    const ended = { phase: 'stopped', reason: 'Completed', exitCode: 0 } as const;
    await world.put(changed(world.get('Alloc', name), { spec: { desired: 'stopped' }, status: ended }));
    expect(job().phase).to.equal('succeeded');
  });

  it('keeps its outcome when its alloc is cleared away, and never starts again', async () => {
    await start({ objects: [node('node-1'), task('job')] }, () => 'completed');
    const before = job();
    await world.client.delete('Alloc', only());
    await world.put(changed(world.get('Task', 'job'), { metadata: { generation: 2 } }));
    expect(world.list('Alloc')).to.deep.equal([]);
    expect(job()).to.deep.equal({ ...before, observedGeneration: 2 });
  });

  it('has failed when its alloc vanished before its outcome was seen', async () => {
    await start({ objects: [node('node-1'), task('job')] });
    await world.remove('Alloc', only());
    expect(world.list('Alloc')).to.deep.equal([]);
    expect(job().phase).to.equal('failed');
    expect(job().message).to.match(/^failed: its alloc job-.* is gone/);
  });

  it('is stopped before it goes, and takes its alloc along', async () => {
    await start({ objects: [node('node-1'), task('job')] });
    const name = only();
    await world.client.delete('Task', 'job');
    await world.settle();
    expect(world.writes).to.include(`patch Alloc/${name}`);
    expect(world.find('Task', 'job')).to.equal(undefined);
    expect(world.list('Alloc')).to.deep.equal([]);
  });
});
