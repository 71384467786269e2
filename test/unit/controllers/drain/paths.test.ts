import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import type { AnyObject } from '../../../../api/kinds/index.ts';
import type { DrainStatus, Node } from '../../../../api/kinds/node.ts';
import { drainController } from '../../../../controllers/drain/controller.ts';
import { machine } from '../../../../controllers/drain/machine.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import {
  alloc,
  healthyAlloc,
  migration,
  node,
  ownerOf,
  type Partly,
  service,
  task,
  volume,
} from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';
import type { World } from '../../../vocabulary/world.ts';

const web = service('web');
const served = healthyAlloc('web-0-a', web);
const job = alloc('job-a', { owner: ownerOf(task('job')) }, { phase: 'running' });
const moving = migration('web-0-a', { attempt: 1 });
const failed = migration(
  'web-0-a',
  { attempt: 1 },
  {
    phase: 'failed',
    failure: { reason: 'ReplacementFailed', message: 'it failed' },
    finishedAt: timestamp(START_MS),
  },
);
const moved = migration('web-1-a', { attempt: 1 }, { phase: 'done', finishedAt: timestamp(START_MS) });
const idle = volume('data', { node: 'node-1' }, { phase: 'attached', node: 'node-1', handle: 'x' });

const nothing = { total: 0, done: 0 };
/** It began an hour ago. */
const begun: DrainStatus = {
  step: 'cordoning',
  attempt: 1,
  startedAt: timestamp(START_MS - 3_600_000),
  services: nothing,
  tasks: nothing,
  volumes: nothing,
  failures: [],
};
const checked: DrainStatus = { ...begun, step: 'migrating', checkedAt: begun.startedAt };
const drains = (
  drain: DrainStatus | undefined,
  policy: Partly<Node['spec']['drainPolicy']> = {},
  wanted = true,
) => node('node-1', { drain: wanted, drainPolicy: { attempt: 1, ...policy } }, drain ? { drain } : {});
const cancelled = (drain: DrainStatus) => drains(drain, {}, false);
const with2 = (...objects: AnyObject[]) => [node('node-2'), web, ...objects];

const drain = (world: World) => world.get('Node', 'node-1').status.drain;
const migrations = (world: World) =>
  world.list('Migration').map(({ spec }) => `${spec.alloc} ${spec.cancelled}`);
const moves = (world: World) => expect(migrations(world)).to.deep.equal(['web-0-a false']);
const callsOff = (world: World) => expect(migrations(world)).to.deep.equal(['web-0-a true']);
const desired = (world: World, name: string) => world.get('Alloc', name).spec.desired;

describePaths('the ways of the drain controller', {
  machine,
  key: 'node-1',
  stage: () => ({ controller: drainController }),
  situations: [
    { when: 'nobody drains it', state: 'idle', objects: with2(node('node-1'), served) },
    {
      when: 'its drain was asked for',
      state: 'cordoning',
      rests: 'migrating',
      objects: with2(drains(undefined), served),
      after: moves,
    },
    {
      when: 'another attempt was asked for',
      state: 'cordoning',
      rests: 'migrating',
      objects: with2(drains({ ...checked, finishedAt: checked.startedAt }, { attempt: 2 }), served, failed),
      after: moves,
    },
    {
      when: 'it was not checked yet',
      state: 'checkingFeasibility',
      rests: 'migrating',
      objects: with2(drains(begun), served),
      after: moves,
    },
    {
      when: 'it was not checked yet, and there is no other node',
      state: 'checkingFeasibility',
      rests: 'migrating',
      objects: [web, drains(begun), served, healthyAlloc('web-1-a', web, { slot: 1 })],
      after: (world) =>
        expect(drain(world)?.failures.map((each) => [each.alloc, each.reason])).to.deep.equal([
          ['web-1-a', 'NoPlace'],
        ]),
    },
    {
      when: 'a volume is there that nobody uses',
      state: 'detachingVolumes',
      objects: with2(drains(checked), served, idle),
      after: (world) => expect(world.get('Volume', 'data').spec.node).to.equal(undefined),
    },
    {
      when: 'an alloc of a service is there',
      state: 'migrating',
      objects: with2(drains(checked), served, job),
      after(world) {
        moves(world);
        expect(desired(world, 'web-0-a')).to.equal('running');
        expect(desired(world, 'job-a')).to.equal('running');
      },
    },
    {
      when: 'an alloc of a service is on the move',
      state: 'migrating',
      objects: with2(drains(checked), served, job, moving),
      after: moves,
    },
    {
      when: 'its deadline is over',
      state: 'callingOff',
      objects: with2(drains(checked, { deadline: '10s' }), served, moving),
      after: callsOff,
    },
    {
      when: 'its deadline is over, and it is to be forced',
      state: 'forcingServices',
      objects: with2(drains(checked, { deadline: '10s', onDeadline: 'force' }), served, moving),
      after: (world) => expect(desired(world, 'web-0-a')).to.equal('stopped'),
    },
    {
      when: 'only a task is left',
      state: 'stoppingTasks',
      objects: with2(drains(checked), job),
      after: (world) => expect(desired(world, 'job-a')).to.equal('stopped'),
    },
    {
      when: 'only a task is left, and may go on for a while',
      state: 'stoppingTasks',
      objects: with2(drains(checked, { taskGrace: '2h' }), job),
      after: (world) => expect(desired(world, 'job-a')).to.equal('running'),
    },
    {
      when: 'a volume became idle on the way',
      state: 'releasingVolumes',
      objects: with2(drains(checked), moved, idle),
      after: (world) => expect(world.get('Volume', 'data').spec.node).to.equal(undefined),
    },
    {
      when: 'nothing is left on it',
      state: 'drained',
      objects: with2(drains(checked), moved),
      after: (world) => expect(drain(world)?.finishedAt).not.to.equal(undefined),
    },
    {
      when: 'an alloc could not be moved',
      state: 'failed',
      objects: with2(drains(checked), served, failed),
      after(world) {
        expect(drain(world)?.failures.map(({ alloc: name }) => name)).to.deep.equal(['web-0-a']);
        expect(desired(world, 'web-0-a')).to.equal('running');
      },
    },
    {
      when: 'it is taken back with an alloc on the move',
      state: 'cancelling',
      objects: with2(cancelled(checked), served, moving),
      after: callsOff,
    },
    {
      when: 'it is taken back, and traces of it are left',
      state: 'clearing',
      rests: 'idle',
      objects: with2(cancelled(checked), served, failed),
      after: (world) => expect(migrations(world)).to.deep.equal([]),
    },
    {
      when: 'it is taken back, and only its record is left',
      state: 'idle',
      objects: with2(cancelled(checked), served),
      after: (world) => expect(drain(world)).to.equal(undefined),
    },
  ],
});
