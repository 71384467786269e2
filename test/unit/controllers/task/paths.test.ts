import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import type { Alloc } from '../../../../api/kinds/alloc.ts';
import { createTaskController } from '../../../../controllers/task/controller.ts';
import { machine } from '../../../../controllers/task/machine.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { alloc, node, ownerOf, task } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';
import type { World } from '../../../vocabulary/world.ts';

const job = task('job', { timeout: '10s' });
const going = task('job', {}, {}, { deletionTimestamp: timestamp(START_MS) });
const recorded = task('job', {}, { phase: 'running', alloc: 'job-a' });
const fleet = [node('node-1')];
const run = (phase: Alloc['status']['phase'], spec: Partial<Alloc['spec']> = {}, startedMs = START_MS) =>
  alloc('job-a', { owner: ownerOf(job), ...spec }, { phase, startedAt: timestamp(startedMs) });
const isStopped = (world: World) => expect(world.get('Alloc', 'job-a').spec.desired).to.equal('stopped');
const hasNoSecond = (world: World) => expect(world.list('Alloc')).to.have.length.at.most(1);

describePaths('the ways of the task controller', {
  machine,
  key: 'job',
  stage: () => ({ controller: createTaskController() }),
  situations: [
    { when: 'there is no node for it', state: 'awaitingPlace', objects: [job] },
    {
      when: 'there is a node for it',
      state: 'placing',
      rests: 'running',
      objects: [...fleet, job],
      after: (world) => expect(world.list('Alloc')).to.have.length(1),
    },
    {
      when: 'its alloc runs',
      state: 'running',
      objects: [...fleet, job, run('running')],
      after: hasNoSecond,
    },
    {
      when: 'its time is up',
      state: 'timingOut',
      rests: 'running',
      objects: [...fleet, job, run('running', {}, START_MS - 10_000)],
      after: isStopped,
    },
    {
      when: 'its alloc is over',
      state: 'finished',
      objects: [...fleet, job, run('stopped')],
      after: hasNoSecond,
    },
    {
      when: 'its alloc is gone',
      state: 'finished',
      objects: [...fleet, recorded],
      after: (world) => expect(world.list('Alloc')).to.deep.equal([]),
    },
    {
      when: 'it is deleted while its alloc runs',
      state: 'stoppingAlloc',
      rests: 'awaitingAlloc',
      objects: [...fleet, going, run('running')],
      after: isStopped,
    },
    {
      when: 'it is deleted and its alloc was told to stop',
      state: 'awaitingAlloc',
      objects: [...fleet, going, run('running', { desired: 'stopped' })],
    },
    {
      when: 'it is deleted and its alloc is over',
      state: 'releasing',
      objects: [...fleet, going, run('stopped')],
      after: (world) => expect(world.find('Task', 'job')).to.equal(undefined),
    },
  ],
});
