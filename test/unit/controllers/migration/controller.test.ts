import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import type { AnyObject } from '../../../../api/kinds/index.ts';
import { MAX_LOST_REPLACEMENTS } from '../../../../api/kinds/migration.ts';
import { migrationController } from '../../../../controllers/migration/controller.ts';
import { type Agents, playAgents } from '../../../vocabulary/agents.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { changed, healthyAlloc, migration, node, service, volume } from '../../../vocabulary/objects.ts';
import { createWorld, type World } from '../../../vocabulary/world.ts';
import { playVolumes } from './volumes.ts';

const web = service('web', { migration: { healthyDeadline: '60s' } });
const original = healthyAlloc('web-0-old', web, { node: 'node-1' });
const leaving = node('node-1', { drain: true }, { phase: 'draining' });
const spec = { service: 'web', node: 'node-1' };

const db = service('db', {
  migration: { healthyDeadline: '60s' },
  template: { volumes: [{ name: 'data', volume: 'data', path: '/data' }] },
});
const dbOriginal = healthyAlloc('db-0-old', db, { node: 'node-1' });
const data = volume('data', { node: 'node-1' }, { phase: 'attached', node: 'node-1' });

describe('the migration controller', () => {
  let world: World;
  let agents: Agents;
  afterEach(() => world.close());

  const begin = async (...objects: AnyObject[]) => {
    world = await createWorld({ objects: [leaving, node('node-2'), ...objects] });
    agents = await playAgents(world);
  };
  const moved = (name: string) => world.get('Migration', name).status;
  const replacementOf = (name: string) => world.get('Alloc', moved(name).replacement ?? '');

  const lose = (name: string, reason: 'AgentLost' | 'NodeDown') =>
    agents.report(name, { phase: 'failed', reason });

  describe('start-first', () => {
    beforeEach(() => begin(web, original, migration('web-0-old', spec)));

    it('moves an alloc, its replacement serving before it goes', async () => {
      await world.run(migrationController);
      expect(moved('web-0-old')).to.include({ phase: 'done', strategy: 'start-first', target: 'node-2' });
      expect(replacementOf('web-0-old').spec).to.deep.include({
        node: 'node-2',
        replaces: 'web-0-old',
        slot: 0,
      });
      expect(world.get('Alloc', 'web-0-old')).to.have.nested.property('spec.stopReason', 'Migrated');
      expect(world.get('Alloc', 'web-0-old').status.phase).to.equal('stopped');
      expect(world.events).to.deep.equal([
        'Normal MigrationStarted service/web: alloc web-0-old moves from node-1 to node-2',
        `Normal MigrationCompleted service/web: alloc web-0-old left node-1; ${moved('web-0-old').replacement} on node-2 took over`,
      ]);
      expect(world.failures).to.deep.equal([]);
    });

    it('writes no more than it has to', async () => {
      await world.run(migrationController);
      const own = world.writes.filter((write) => write.includes('Migration/'));
      expect(own).to.have.length.at.most(4);
    });

    it('leaves the original alone when the replacement fails', async () => {
      agents.fate = () => 'failed';
      await world.run(migrationController);
      expect(moved('web-0-old')).to.include({ phase: 'failed' });
      expect(moved('web-0-old').failure?.reason).to.equal('ReplacementFailed');
      expect(moved('web-0-old').failure?.message).to.match(
        /^its replacement web-0-\w+ on node-2 failed \(ExitedNonZero: exited with 1\)$/,
      );
      expect(world.get('Alloc', 'web-0-old')).to.deep.include({
        spec: original.spec,
        status: original.status,
      });
      expect(world.events.filter((event) => event.startsWith('Warning MigrationFailed'))).to.have.length(2);
    });

    it('waits for the deadline, and no longer', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      await world.advance(59_999);
      expect(moved('web-0-old').phase).to.equal('awaitingHealthy');
      await world.advance(1);
      expect(moved('web-0-old').failure?.reason).to.equal('HealthyDeadlineExceeded');
      expect(moved('web-0-old').phase).to.equal('failed');
      expect(replacementOf('web-0-old').status.phase).to.equal('stopped');
      expect(replacementOf('web-0-old').spec.stopReason).to.equal('MigrationUndone');
    });

    it('is undone when it is cancelled', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      await world.client.patch('Migration', 'web-0-old', { spec: { cancelled: true } });
      await world.settle();
      expect(moved('web-0-old')).to.include({ phase: 'cancelled' });
      expect(moved('web-0-old').failure).to.equal(undefined);
      expect(replacementOf('web-0-old').status.phase).to.equal('stopped');
    });

    it('places another replacement when the first is lost with its agent', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      const { name } = replacementOf('web-0-old').metadata;
      agents.fate = () => 'healthy';
      await lose(name, 'AgentLost');
      expect(moved('web-0-old')).to.deep.include({ phase: 'done', lost: [name], target: 'node-2' });
      expect(moved('web-0-old').replacement).not.to.equal(name);
      expect(world.get('Alloc', 'web-0-old')).to.have.nested.property('spec.stopReason', 'Migrated');
      expect(world.events).to.include(
        `Warning ReplacementLost service/web: replacement ${name} of web-0-old was lost: another one is tried`,
      );
    });

    it('gives each replacement a deadline of its own', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      await world.advance(50_000);
      await lose(replacementOf('web-0-old').metadata.name, 'AgentLost');
      await world.advance(59_999);
      expect(moved('web-0-old').phase).to.equal('awaitingHealthy');
      await world.advance(1);
      expect(moved('web-0-old').failure?.reason).to.equal('HealthyDeadlineExceeded');
    });

    it('goes to another node when the one that it goes to is down', async () => {
      await world.put(node('node-3'));
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      const { name } = replacementOf('web-0-old').metadata;
      await world.put(changed(world.get('Node', 'node-2'), { status: { phase: 'down' } }));
      expect(moved('web-0-old')).to.include({ phase: 'startingOver', replacement: name });
      expect(world.get('Alloc', name).spec.desired).to.equal('running');
      agents.fate = () => 'healthy';
      await lose(name, 'NodeDown');
      expect(moved('web-0-old')).to.include({ phase: 'done', target: 'node-3' });
    });

    it('is undone when the node that it goes to is down, and there is no other', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      await world.put(changed(world.get('Node', 'node-2'), { status: { phase: 'down' } }));
      await lose(replacementOf('web-0-old').metadata.name, 'NodeDown');
      expect(moved('web-0-old').phase).to.equal('failed');
      expect(moved('web-0-old').failure?.reason).to.equal('NoPlace');
      expect(moved('web-0-old').failure?.message).to.contain('node-2: is down');
      expect(world.get('Alloc', 'web-0-old').spec.desired).to.equal('running');
    });

    it('is given up when too many replacements are lost', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      for (let losses = 0; losses < MAX_LOST_REPLACEMENTS; losses++) {
        await lose(replacementOf('web-0-old').metadata.name, 'AgentLost');
        expect(moved('web-0-old').phase).to.equal('awaitingHealthy');
      }
      await lose(replacementOf('web-0-old').metadata.name, 'AgentLost');
      expect(moved('web-0-old').phase).to.equal('failed');
      expect(moved('web-0-old').failure?.message).to.contain('AgentLost');
      expect(moved('web-0-old').lost).to.have.length(MAX_LOST_REPLACEMENTS);
      expect(world.get('Alloc', 'web-0-old')).to.deep.include({
        spec: original.spec,
        status: original.status,
      });
    });

    it('does not replace one that somebody stopped before it was lost', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      await world.put(changed(world.get('Node', 'node-2'), { status: { phase: 'down' } }));
      const { name } = replacementOf('web-0-old').metadata;
      await world.client.patch('Alloc', name, { spec: { desired: 'stopped', stopReason: 'Requested' } });
      await lose(name, 'NodeDown');
      expect(moved('web-0-old')).to.include({ phase: 'failed' });
      expect(moved('web-0-old').lost).to.equal(undefined);
    });

    it('leaves the slot to the service when both allocs are lost', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      await lose(replacementOf('web-0-old').metadata.name, 'AgentLost');
      const next = replacementOf('web-0-old').metadata.name;
      await lose('web-0-old', 'AgentLost');
      await lose(next, 'AgentLost');
      expect(moved('web-0-old').phase).to.equal('done');
      expect(moved('web-0-old').replacement).to.equal(undefined);
    });

    it('goes on when the node that it goes to begins to drain', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      await world.put(changed(world.get('Node', 'node-2'), { spec: { drain: true } }));
      expect(moved('web-0-old').phase).to.equal('awaitingHealthy');
    });

    it('turns back when the replacement is deleted by somebody', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      await world.remove('Alloc', replacementOf('web-0-old').metadata.name);
      expect(moved('web-0-old')).to.deep.include({
        phase: 'failed',
        failure: { reason: 'ReplacementFailed', message: 'its replacement was deleted' },
      });
    });

    it('lets the replacement take over when the original crashes', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      await agents.crash('web-0-old');
      expect(moved('web-0-old').phase).to.equal('awaitingHealthy');
      const { name } = replacementOf('web-0-old').metadata;
      await agents.report(name, { phase: 'healthy', healthyAt: timestamp(START_MS), route: 'routed' });
      expect(moved('web-0-old').phase).to.equal('done');
      expect(replacementOf('web-0-old').spec.desired).to.equal('running');
    });

    it('stops the replacement too when the service is scaled down', async () => {
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      await world.client.patch('Alloc', 'web-0-old', {
        spec: { desired: 'stopped', stopReason: 'ScaledDown' },
      });
      await world.settle();
      expect(moved('web-0-old').phase).to.equal('done');
      expect(replacementOf('web-0-old').status.phase).to.equal('stopped');
    });

    it('does not create a second replacement after a crash of its own', async () => {
      agents.fate = () => 'waiting';
      const first = await world.run(migrationController);
      await first.stop();
      // The report was lost as well.
      const { replacement: _, target: __, ...status } = moved('web-0-old');
      await world.put({ ...world.get('Migration', 'web-0-old'), status: { ...status, phase: 'placing' } });
      await world.run(migrationController);
      expect(world.list('Alloc')).to.have.length(2);
      expect(moved('web-0-old').phase).to.equal('awaitingHealthy');
    });
  });

  it('fails at once when no node has a place', async () => {
    await begin(web, original, migration('web-0-old', spec));
    await world.put(changed(world.get('Node', 'node-2'), { spec: { unschedulable: true } }));
    await world.run(migrationController);
    expect(moved('web-0-old').phase).to.equal('failed');
    expect(moved('web-0-old').failure?.reason).to.equal('NoPlace');
    expect(moved('web-0-old').failure?.message).to.contain('node-2: is cordoned');
  });

  describe('stop-first', () => {
    const begun = async () => {
      await begin(db, dbOriginal, data, migration('db-0-old', { service: 'db', node: 'node-1' }));
      const volumes = await playVolumes(world, agents);
      return volumes;
    };

    it('hands the volume on, and measures how long nobody served', async () => {
      const volumes = await begun();
      volumes.attachTakesMs = 250;
      await world.run(migrationController);
      expect(moved('db-0-old').phase).to.equal('movingVolume');
      expect(world.get('Alloc', 'db-0-old').status.phase).to.equal('suspended');
      await world.advance(250);
      expect(moved('db-0-old')).to.include({ phase: 'done', strategy: 'stop-first', gapMs: 250 });
      expect(world.get('Volume', 'data').status).to.include({ phase: 'attached', node: 'node-2' });
      expect(world.failures).to.deep.equal([]);
    });

    it('leaves the original alone while the target is not prepared', async () => {
      const volumes = await begun();
      volumes.isPreparing = false;
      await world.run(migrationController);
      expect(moved('db-0-old').phase).to.equal('preparing');
      expect(world.get('Alloc', 'db-0-old').spec.desired).to.equal('running');
    });

    it('brings everything back when the volume does not attach', async () => {
      const volumes = await begun();
      volumes.brokenOn = 'node-2';
      await world.run(migrationController);
      expect(moved('db-0-old').failure).to.deep.equal({
        reason: 'VolumeFailed',
        message: 'volume data failed: it does not attach',
      });
      expect(moved('db-0-old').phase).to.equal('failed');
      expect(world.get('Volume', 'data').status).to.include({ phase: 'attached', node: 'node-1' });
      expect(world.get('Alloc', 'db-0-old').spec.desired).to.equal('running');
      expect(world.get('Alloc', 'db-0-old').status.phase).to.equal('healthy');
    });

    it('brings everything back when the replacement fails', async () => {
      await begun();
      agents.fate = (alloc) => (alloc.spec.node === 'node-2' ? 'failed' : 'healthy');
      await world.run(migrationController);
      expect(moved('db-0-old').phase).to.equal('failed');
      expect(world.get('Volume', 'data').status.node).to.equal('node-1');
      expect(world.get('Alloc', 'db-0-old').status.phase).to.equal('healthy');
    });

    it('hands the volume to another replacement when the first is lost', async () => {
      await begun();
      await world.put(node('node-3'));
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      const first = replacementOf('db-0-old').metadata.name;
      expect(world.get('Volume', 'data').status.node).to.equal('node-2');
      agents.fate = () => 'healthy';
      await lose(first, 'AgentLost');
      // The volume is there already.
      expect(moved('db-0-old')).to.deep.include({ phase: 'done', target: 'node-2', lost: [first] });
      expect(world.get('Volume', 'data').status).to.include({ phase: 'attached', node: 'node-2' });
      expect(world.failures).to.deep.equal([]);
    });

    it('takes the volume on to another node when the first is down', async () => {
      await begun();
      await world.put(node('node-3'));
      agents.fate = () => 'waiting';
      await world.run(migrationController);
      const first = replacementOf('db-0-old').metadata.name;
      await world.put(changed(world.get('Node', 'node-2'), { status: { phase: 'down' } }));
      expect(moved('db-0-old').phase).to.equal('startingOver');
      expect(world.get('Volume', 'data').spec.node).to.equal('node-2');
      agents.fate = () => 'healthy';
      await lose(first, 'NodeDown');
      expect(moved('db-0-old')).to.include({ phase: 'done', target: 'node-3' });
      expect(world.get('Volume', 'data').status).to.include({ phase: 'attached', node: 'node-3' });
    });

    it('brings everything back when the node with the volume is down, and there is no other', async () => {
      await begun();
      agents.fate = (alloc) => (alloc.spec.node === 'node-2' ? 'waiting' : 'healthy');
      await world.run(migrationController);
      await world.put(changed(world.get('Node', 'node-2'), { status: { phase: 'down' } }));
      await lose(replacementOf('db-0-old').metadata.name, 'NodeDown');
      expect(moved('db-0-old').failure?.reason).to.equal('NoPlace');
      expect(moved('db-0-old').phase).to.equal('failed');
      expect(world.get('Volume', 'data').status.node).to.equal('node-1');
      expect(world.get('Alloc', 'db-0-old').status.phase).to.equal('healthy');
    });

    it('brings everything back when it is cancelled in the middle', async () => {
      const volumes = await begun();
      volumes.attachTakesMs = 250;
      await world.run(migrationController);
      await world.client.patch('Migration', 'db-0-old', { spec: { cancelled: true } });
      await world.settle();
      await world.advance(1_000);
      expect(moved('db-0-old').phase).to.equal('cancelled');
      expect(world.get('Volume', 'data').status.node).to.equal('node-1');
      expect(world.get('Alloc', 'db-0-old').status.phase).to.equal('healthy');
    });

    it('goes on to the target when the node of the suspended original is down', async () => {
      const volumes = await begun();
      volumes.attachTakesMs = 250;
      await world.run(migrationController);
      await world.put(changed(world.get('Node', 'node-1'), { status: { phase: 'down' } }));
      await agents.report('db-0-old', { phase: 'failed', reason: 'NodeDown' });
      await world.advance(250);
      expect(moved('db-0-old').phase).to.equal('done');
      expect(replacementOf('db-0-old').status.phase).to.equal('healthy');
    });

    it('updates in place with one writer at a time', async () => {
      const stays = node('node-1');
      world = await createWorld({
        objects: [
          stays,
          db,
          dbOriginal,
          data,
          migration('db-0-old', { service: 'db', node: 'node-1', reason: 'update' }),
        ],
      });
      agents = await playAgents(world);
      await playVolumes(world, agents);
      const writers: number[] = [];
      world.store.subscribe({ kinds: ['Alloc'] }, () => {
        const running = world.list('Alloc').filter(({ status }) => status.phase === 'healthy');
        writers.push(running.length);
      });
      await world.run(migrationController);
      expect(moved('db-0-old')).to.include({ phase: 'done', target: 'node-1' });
      expect(Math.max(...writers)).to.equal(1);
    });
  });
});
