import { expect } from 'chai';
import type { AnyObject } from '../../../../api/kinds/index.ts';
import type { Service } from '../../../../api/kinds/service.ts';
import { drainController } from '../../../../controllers/drain/controller.ts';
import { migrationController } from '../../../../controllers/migration/controller.ts';
import { type Agents, playAgents } from '../../../vocabulary/agents.ts';
import {
  alloc,
  changed,
  healthyAlloc,
  migration,
  node,
  ownerOf,
  service,
  task,
  volume,
} from '../../../vocabulary/objects.ts';
import { createWorld, type World } from '../../../vocabulary/world.ts';

const replicas = (owner: Service, on: readonly string[]) =>
  on.map((name, slot) => healthyAlloc(`${owner.metadata.name}-${slot}-old`, owner, { node: name, slot }));
const web = service('web', { replicas: 3, migration: { maxParallel: 3, healthyDeadline: '60s' } });
const api = service('api', { migration: { healthyDeadline: '60s' } });
const db = service('db');
const job = task('job');
const jobAlloc = alloc('job-a', { owner: ownerOf(job) }, { phase: 'running' });

describe('the drain controller', () => {
  let world: World;
  let agents: Agents;
  afterEach(() => world.close());

  const begin = async (...objects: AnyObject[]) => {
    world = await createWorld({ objects: [node('node-1'), node('node-2'), node('node-3'), ...objects] });
    agents = await playAgents(world);
    await world.run(migrationController);
    await world.run(drainController);
  };
  const drain = async (policy: object = {}, name = 'node-1') => {
    await world.client.patch('Node', name, { spec: { drain: true, drainPolicy: policy } });
    await world.settle();
  };
  const undrain = async () => {
    await world.client.patch('Node', 'node-1', { spec: { drain: false } });
    await world.settle();
  };
  const status = (name = 'node-1') => world.get('Node', name).status;
  const condition = (type: string, name = 'node-1') => {
    const found = status(name).conditions.find((each) => each.type === type);
    return found && `${found.status} ${found.reason}: ${found.message}`;
  };
  const activeOn = (name: string) =>
    world.store.state
      .byIndex('Alloc', 'node', name)
      .filter(({ status: { phase } }) => phase !== 'stopped' && phase !== 'failed')
      .map(({ metadata }) => metadata.name);

  it('says of a node that no one drains only whether it is cordoned', async () => {
    await begin();
    expect(condition('Cordoned')).to.equal('False Schedulable: new work may be placed here');
    expect(condition('Drained')).to.equal('False NotDraining: the node is not being drained');
    expect(status().conditions).to.have.length(3);
    await world.client.patch('Node', 'node-1', { spec: { unschedulable: true } });
    await world.settle();
    expect(condition('Cordoned')).to.equal(
      'True MarkedUnschedulable: no new work is placed here: the node is cordoned',
    );
  });

  it('drains an empty node at once', async () => {
    await begin();
    await drain();
    expect(status().drain).to.include({ step: 'drained', attempt: 1 });
    expect(condition('Drained')).to.equal('True Completed: the node is empty: nothing was on it');
    expect(condition('Removable')).to.equal('True Empty: nothing is on the node');
    expect(status().observedGeneration).to.equal(world.get('Node', 'node-1').metadata.generation);
  });

  it('moves services, stops tasks, detaches volumes', async () => {
    await begin(
      web,
      api,
      ...replicas(web, ['node-1', 'node-1', 'node-2']),
      ...replicas(api, ['node-1']),
      job,
      jobAlloc,
    );
    await drain({ reason: 'new disk' });
    expect(activeOn('node-1')).to.deep.equal([]);
    expect(status().drain).to.deep.include({
      step: 'drained',
      services: { total: 3, done: 3, failed: 0 },
      tasks: { total: 1, done: 1 },
      volumes: { total: 0, done: 0 },
      failures: [],
    });
    expect(world.get('Alloc', 'job-a').spec.stopReason).to.equal('NodeDrained');
    expect(condition('ServicesMigrated')).to.equal('True Completed: 3 service allocs left the node');
    expect(condition('TasksStopped')).to.equal('True Completed: 1 task ended');
    expect(world.events[0]).to.equal(
      'Normal DrainStarted node/node-1: the drain of node node-1 has begun: new disk',
    );
    expect(world.events.at(-1)).to.equal(
      'Normal DrainCompleted node/node-1: the node is empty: 3 service allocs left it, 1 task ended',
    );
    expect(world.failures).to.deep.equal([]);
  });

  it('moves one at a time, by service and slot', async () => {
    await begin(web, api, ...replicas(web, ['node-1', 'node-1']), ...replicas(api, ['node-1']));
    agents.fate = () => 'waiting';
    await drain();
    expect(world.list('Migration').map(({ metadata }) => metadata.name)).to.deep.equal(['api-0-old']);
    expect(condition('Drained')).to.equal(
      'False InProgress: 0 of 3 service allocs have left; moves api-0-old',
    );
    expect(condition('ServicesMigrated')).to.equal(
      'False InProgress: 0 of 3 service allocs have left; moves api-0-old',
    );
  });

  it('moves as many at a time as its policy says, in one go', async () => {
    await begin(web, api, ...replicas(web, ['node-1', 'node-1']), ...replicas(api, ['node-1']));
    agents.fate = () => 'waiting';
    await drain({ maxParallel: 2 });
    expect(world.list('Migration').map(({ metadata }) => metadata.name)).to.deep.equal([
      'api-0-old',
      'web-0-old',
    ]);
  });

  it('keeps to the budget of a service over the whole fleet, and goes on when there is room', async () => {
    const shy = service('web', { replicas: 2, migration: { maxParallel: 1 } });
    await begin(shy, ...replicas(shy, ['node-1', 'node-2']));
    agents.fate = () => 'waiting';
    await drain({}, 'node-1');
    await drain({}, 'node-2');
    expect(world.list('Migration')).to.have.length(1);
    expect(condition('Drained', 'node-2')).to.equal(
      'False InProgress: 0 of 1 service alloc have left; waits for other moves of web to end',
    );
    agents.fate = () => 'healthy';
    const { replacement = '' } = world.get('Migration', 'web-0-old').status;
    await agents.report(replacement, {
      phase: 'healthy',
      healthyAt: world.get('Alloc', replacement).metadata.creationTimestamp,
      route: 'routed',
    });
    expect(status('node-1').drain?.step).to.equal('drained');
    expect(status('node-2').drain?.step).to.equal('drained');
    expect(activeOn('node-3')).to.have.length(2);
  });

  it('says before anything is stopped what has no place', async () => {
    const picky = service('api', { placement: { nodeSelector: { disk: 'fast' } } });
    await begin(web, picky, ...replicas(web, ['node-1']), ...replicas(picky, ['node-1']));
    agents.fate = () => 'waiting';
    await drain({ maxParallel: 2 });
    const failures = status().drain?.failures ?? [];
    expect(failures.map(({ alloc: name, reason }) => [name, reason])).to.deep.equal([
      ['api-0-old', 'NoPlace'],
    ]);
    expect(failures[0]?.message).to.contain('node-2, node-3: label disk=fast missing');
    expect(
      world.events.some((event) =>
        event.startsWith('Warning NoPlace service/api: alloc api-0-old cannot leave node-1'),
      ),
    ).to.equal(true);
  });

  it('goes on with the rest when one fails, stops the tasks, and says then what failed and why', async () => {
    await begin(web, api, ...replicas(web, ['node-1']), ...replicas(api, ['node-1']), job, jobAlloc);
    agents.fate = ({ spec }) => (spec.owner.name === 'api' ? 'failed' : 'healthy');
    await drain();
    expect(activeOn('node-1')).to.deep.equal(['api-0-old']);
    expect(status().drain).to.deep.include({ step: 'failed', services: { total: 2, done: 1, failed: 1 } });
    expect(status().drain?.failures[0]).to.include({
      service: 'api',
      alloc: 'api-0-old',
      reason: 'ReplacementFailed',
    });
    expect(condition('Drained')).to.match(
      /^False MigrationFailed: service api, alloc api-0-old: ReplacementFailed: its replacement/,
    );
    expect(condition('Removable')).to.equal('False ActiveAllocs: 1 alloc still here');
    expect(world.events.at(-1)).to.match(
      /^Warning DrainFailed node\/node-1: service api, alloc api-0-old: Repl/,
    );
  });

  it('tries again with the next attempt', async () => {
    await begin(api, ...replicas(api, ['node-1']));
    agents.fate = () => 'failed';
    await drain();
    expect(status().drain?.step).to.equal('failed');
    agents.fate = () => 'healthy';
    await world.client.patch('Node', 'node-1', { spec: { drainPolicy: { attempt: 2 } } });
    await world.settle();
    expect(status().drain).to.deep.include({ step: 'drained', attempt: 2, failures: [] });
  });

  it('is drained when what failed to move leaves by itself', async () => {
    await begin(api, ...replicas(api, ['node-1']));
    agents.fate = () => 'failed';
    await drain();
    await agents.crash('api-0-old');
    expect(status().drain).to.deep.include({ step: 'drained', failures: [] });
  });

  it('calls off what has not moved by the deadline, and fails', async () => {
    await begin(api, ...replicas(api, ['node-1']), job, jobAlloc);
    agents.fate = () => 'waiting';
    await drain({ deadline: '10s' });
    await world.advance(10_000);
    expect(world.get('Migration', 'api-0-old').status.phase).to.equal('cancelled');
    expect(status().drain?.step).to.equal('failed');
    expect(status().drain?.failures[0]).to.include({ alloc: 'api-0-old', reason: 'DeadlineExceeded' });
    expect(condition('Drained')).to.match(
      /^False DeadlineExceeded: service api, alloc api-0-old: DeadlineExceeded: it had not moved by 2030-/,
    );
    expect(activeOn('node-1')).to.deep.equal(['api-0-old', 'job-a']);
  });

  it('stops what has not moved by the deadline where its policy says so', async () => {
    await begin(api, ...replicas(api, ['node-1']));
    agents.fate = () => 'waiting';
    await drain({ deadline: '10s', onDeadline: 'force' });
    await world.advance(10_000);
    expect(world.get('Alloc', 'api-0-old').spec.stopReason).to.equal('DrainForced');
    expect(status().drain?.step).to.equal('drained');
    // Its replacement has not been given up.
    expect(world.get('Migration', 'api-0-old').status.phase).to.equal('awaitingHealthy');
  });

  it('lets tasks go on for their grace', async () => {
    await begin(job, jobAlloc);
    await drain({ taskGrace: '30s' });
    expect(condition('Drained')).to.equal('False Waiting: job-a may run on until 2030-01-01T00:00:30.000Z');
    await world.advance(30_000);
    expect(status().drain?.step).to.equal('drained');
  });

  it('detaches idle volumes before services move, and hands the others on', async () => {
    const here = volume('data', { node: 'node-1' }, { phase: 'attached', node: 'node-1' });
    await begin(api, ...replicas(api, ['node-1']), here);
    agents.fate = () => 'waiting';
    await drain();
    expect(status().drain?.step).to.equal('detachingVolumes');
    expect(world.get('Volume', 'data').spec.node).to.equal(undefined);
    expect(world.list('Migration')).to.deep.equal([]);
    expect(condition('VolumesDetached')).to.equal('False InProgress: detaches data');
    const { node: _, ...detached } = world.get('Volume', 'data').status;
    await world.put({ ...world.get('Volume', 'data'), status: { ...detached, phase: 'ready' } });
    expect(world.list('Migration')).to.have.length(1);
    expect(status().drain?.volumes).to.deep.equal({ total: 1, done: 1 });
  });

  it('lets a volume go when what wanted it elsewhere is over', async () => {
    const here = volume('data', { node: 'node-1' }, { phase: 'attached', node: 'node-1' });
    const volumes = [{ name: 'data', volume: 'data', path: '/data' }];
    const there = alloc('db-0-a', { owner: ownerOf(db), node: 'node-2', template: { volumes } });
    await begin(db, here, there);
    agents.fate = () => 'waiting';
    await drain();
    expect(world.get('Volume', 'data').spec.node).to.equal('node-1');
    await agents.report('db-0-a', { phase: 'failed', reason: 'NodeDown' });
    expect(world.get('Volume', 'data').spec.node).to.equal(undefined);
  });

  it('fails for a volume that cannot be detached, when all else is done', async () => {
    const broken = volume('data', {}, { phase: 'failed', node: 'node-1', message: 'busy' });
    await begin(api, ...replicas(api, ['node-1']), broken);
    await drain();
    expect(activeOn('node-1')).to.deep.equal([]);
    expect(condition('Drained')).to.equal(
      'False AttachedVolumes: VolumeFailed: volume data could not be detached: busy',
    );
  });

  it('drains a node that is down once its allocs are failed', async () => {
    await begin(api, ...replicas(api, ['node-1']), job, jobAlloc);
    await world.put(changed(world.get('Node', 'node-1'), { status: { phase: 'down' } }));
    await drain();
    expect(world.list('Migration')).to.deep.equal([]);
    await agents.report('api-0-old', { phase: 'failed', reason: 'NodeDown' });
    await agents.report('job-a', { phase: 'failed', reason: 'NodeDown' });
    expect(status().drain?.step).to.equal('drained');
  });

  it('is cancelled by drain: false, and leaves no trace', async () => {
    await begin(web, api, ...replicas(web, ['node-1', 'node-2']), ...replicas(api, ['node-1']));
    agents.fate = ({ spec }) => (spec.owner.name === 'api' ? 'healthy' : 'waiting');
    await drain();
    expect(status().drain?.services).to.deep.include({ done: 1 });
    await undrain();
    expect(world.list('Migration')).to.deep.equal([]);
    expect(status().drain).to.equal(undefined);
    expect(activeOn('node-1')).to.deep.equal(['web-0-old']);
    expect(condition('Cordoned')).to.equal('False Schedulable: new work may be placed here');
    expect(condition('ServicesMigrated')).to.equal('False NotDraining: the node is not being drained');
    expect(world.events.at(-1)).to.equal(
      'Normal DrainCancelled node/node-1: the drain of node node-1 was cancelled',
    );
  });

  it('drains again right after it was cancelled', async () => {
    await begin(api, ...replicas(api, ['node-1']));
    agents.fate = () => 'waiting';
    await drain();
    await world.client.patch('Node', 'node-1', { spec: { drain: false } });
    agents.fate = () => 'healthy';
    await drain();
    expect(status().drain?.step).to.equal('drained');
  });

  it('takes an update of the alloc that is under way for its move', async () => {
    const updating = migration('api-0-old', { service: 'api', node: 'node-1', reason: 'update' });
    await begin(api, ...replicas(api, ['node-1']));
    agents.fate = () => 'waiting';
    await world.put(node('node-1', { drain: true }), updating);
    expect(world.list('Migration').map(({ spec }) => spec.reason)).to.deep.equal(['update']);
  });

  it('does not move a replacement whose own move is under way', async () => {
    await begin(api, ...replicas(api, ['node-1']));
    agents.fate = () => 'waiting';
    await drain();
    const { replacement = '', target = '' } = world.get('Migration', 'api-0-old').status;
    await drain({}, target);
    expect(world.list('Migration')).to.have.length(1);
    await agents.report(replacement, { phase: 'healthy', route: 'routed' });
    expect(world.get('Migration', 'api-0-old').status.phase).to.equal('done');
    expect(world.find('Migration', replacement)?.status.phase).to.equal('awaitingHealthy');
  });

  it('goes on after a restart, with the same numbers', async () => {
    await begin(api, web, ...replicas(api, ['node-1']), ...replicas(web, ['node-1']));
    agents.fate = ({ spec }) => (spec.owner.name === 'api' ? 'healthy' : 'waiting');
    await drain();
    const before = status().drain;
    await world.run(drainController);
    expect(status().drain).to.deep.equal(before);
    expect(before?.services).to.deep.equal({ total: 2, done: 1, failed: 0 });
  });
});
