import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import { isTerminal } from '../../../../api/kinds/alloc.ts';
import type { Migration } from '../../../../api/kinds/migration.ts';
import { createServiceController } from '../../../../controllers/service/controller.ts';
import { playAgents } from '../../../vocabulary/agents.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { changed, healthyAlloc, migration, node, service } from '../../../vocabulary/objects.ts';
import { createWorld, type World, type WorldOptions } from '../../../vocabulary/world.ts';

const NODES = [node('node-1'), node('node-2'), node('node-3')];
const old = service('web', { replicas: 3 });
const present = changed(service('web', { replicas: 3, template: { command: ['serve', '--better'] } }), {
  metadata: { generation: 2 },
});
const outdated = [0, 1, 2].map((slot) =>
  healthyAlloc(`web-${slot}-a`, old, { slot, node: `node-${slot + 1}` }),
);

describe('the update of a service', () => {
  let world: World;
  const start = async (options: WorldOptions) => {
    world = await createWorld(options);
    await playAgents(world, () => 'waiting');
    await world.run(createServiceController());
  };
  const migrations = () => world.list('Migration').map((each) => each.metadata.name);
  const finish = (name: string, status: Partial<Migration['status']>) =>
    world.put(
      changed(world.get('Migration', name), {
        status: { finishedAt: timestamp(world.clock.now()), ...status },
      }),
    );
  /** What the migration controller does in the end. */
  const migrate = async (slot: number) => {
    const original = world.get('Alloc', `web-${slot}-a`);
    const replacement = healthyAlloc(`web-${slot}-b`, present, { slot, node: original.spec.node });
    await world.put(changed(original, { status: { phase: 'stopped' } }), replacement);
    await finish(original.metadata.name, { phase: 'done' });
  };

  afterEach(async () => {
    expect(world.failures).to.deep.equal([]);
    await world.close();
  });

  it('moves outdated allocs one after the other, the lowest slot first, and clears up behind', async () => {
    await start({ objects: [...NODES, present, ...outdated] });
    for (const slot of [0, 1, 2]) {
      expect(migrations()).to.deep.equal([`web-${slot}-a`]);
      expect(world.get('Migration', `web-${slot}-a`).spec).to.include({
        reason: 'update',
        attempt: 2,
        cancelled: false,
      });
      await migrate(slot);
    }
    expect(migrations()).to.deep.equal([]);
  });

  it('moves as many at a time as the service allows, those of a drain counted', async () => {
    const wide = changed(present, { spec: { migration: { ...present.spec.migration, maxParallel: 2 } } });
    const drained = migration('web-2-a', { node: 'node-3' }, { phase: 'awaitingHealthy' });
    await start({ objects: [...NODES, wide, ...outdated, drained] });
    expect(migrations()).to.deep.equal(['web-0-a', 'web-2-a']);
  });

  it('leaves allocs alone whose template and ports are the present ones', async () => {
    const same = outdated.map((alloc) =>
      changed(alloc, { spec: { template: structuredClone(present.spec.template) } }),
    );
    await start({ objects: [...NODES, present, ...same] });
    expect(migrations()).to.deep.equal([]);
  });

  it('moves allocs whose ports are not the present ones', async () => {
    const ports = [{ name: 'http', protocol: 'auto' }] as const;
    await start({ objects: [...NODES, changed(old, { spec: { ports: [...ports] } }), ...outdated] });
    expect(migrations()).to.deep.equal(['web-0-a']);
  });

  it('stops at the first alloc that could not be updated, says so, and goes on with the next generation', async () => {
    await start({ objects: [...NODES, present, ...outdated] });
    await finish('web-0-a', {
      phase: 'failed',
      failure: { reason: 'ReplacementFailed', message: 'exited with 1' },
    });
    await world.advance(120_000);
    expect(migrations()).to.deep.equal(['web-0-a']);
    const [available] = world.get('Service', 'web').status.conditions;
    expect(available?.message).to.equal(
      '3 of 3 are healthy and routed; alloc web-0-a could not be updated: exited with 1',
    );
    await world.client.patch('Service', 'web', { spec: { template: { command: ['serve', '--best'] } } });
    await world.settle();
    expect(world.get('Migration', 'web-0-a').spec.attempt).to.equal(3);
    expect(world.get('Migration', 'web-0-a').status.phase).to.equal('placing');
  });

  it('tries an alloc again that found no place, after a while', async () => {
    await start({ objects: [...NODES, present, ...outdated] });
    const failure = { reason: 'NoPlace', message: 'no node has a place for it' } as const;
    await finish('web-0-a', { phase: 'failed', failure });
    await world.advance(29_999);
    expect(world.get('Migration', 'web-0-a').status.phase).to.equal('failed');
    await world.advance(1);
    expect(world.get('Migration', 'web-0-a').status.phase).to.equal('placing');
  });

  it('cancels a migration to a template that is outdated itself, unless its replacement is healthy', async () => {
    const replacing = (slot: number, phase: 'starting' | 'healthy') =>
      healthyAlloc(`web-${slot}-b`, present, { slot, replaces: `web-${slot}-a` }, { phase });
    const underWay = (slot: number) =>
      migration(
        `web-${slot}-a`,
        { reason: 'update', attempt: 2, node: `node-${slot + 1}` },
        { phase: 'awaitingHealthy', replacement: `web-${slot}-b` },
      );
    const newer = changed(service('web', { replicas: 3, template: { command: ['serve', '--best'] } }), {
      metadata: { generation: 3 },
    });
    const objects = [...NODES, newer, ...outdated];
    await start({
      objects: [...objects, underWay(0), replacing(0, 'starting'), underWay(1), replacing(1, 'healthy')],
    });
    expect(world.get('Migration', 'web-0-a').spec.cancelled).to.equal(true);
    expect(world.get('Migration', 'web-1-a').spec.cancelled).to.equal(false);
  });

  it('replaces an outdated alloc that never served without a migration', async () => {
    const broken = changed(healthyAlloc('web-0-a', old), {
      status: { phase: 'starting', route: undefined, healthyAt: undefined },
    } as object);
    const one = changed(present, { spec: { replicas: 1 } });
    await start({ objects: [...NODES, one, broken] });
    expect(world.get('Alloc', 'web-0-a').spec).to.include({ desired: 'stopped', stopReason: 'Superseded' });
    const [fresh] = world.list('Alloc').filter((alloc) => !isTerminal(alloc));
    expect(fresh?.spec.template.command).to.deep.equal(['serve', '--better']);
    expect(migrations()).to.deep.equal([]);
  });

  it('leaves the migrations of a drain to the drain', async () => {
    const failed = { phase: 'failed', finishedAt: timestamp(START_MS) } as const;
    await start({ objects: [...NODES, present, ...outdated, migration('web-0-a', {}, failed)] });
    expect(world.get('Migration', 'web-0-a').spec.reason).to.equal('drain');
    expect(migrations()).to.deep.equal(['web-0-a', 'web-1-a']);
  });
});
