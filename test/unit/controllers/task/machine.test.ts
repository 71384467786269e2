import { expect } from 'chai';
import type { Facts, TaskAlloc } from '../../../../controllers/task/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/task/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { combinations } from '../../../vocabulary/combinations.ts';
import { alloc } from '../../../vocabulary/objects.ts';

const runs: TaskAlloc = { object: alloc('job-a'), name: 'job-a', isOver: false, isBeingStopped: false };
const fresh: Facts = { isDeleting: false, isFinished: false, hadAlloc: false, isTimedOut: false };

describe('the task machine', () => {
  const cases: readonly [string, Partial<Facts>, State, readonly string[]][] = [
    ['waits for a place', { reasons: [{ reason: 'there are no nodes' }] }, 'awaitingPlace', []],
    ['takes the place', { node: 'node-1' }, 'placing', ['createAlloc']],
    ['runs', { hadAlloc: true, alloc: runs }, 'running', []],
    [
      'is stopped when its time is up',
      { hadAlloc: true, alloc: runs, isTimedOut: true },
      'timingOut',
      ['stopAlloc'],
    ],
    [
      'is not stopped twice',
      { hadAlloc: true, alloc: { ...runs, isBeingStopped: true }, isTimedOut: true },
      'running',
      [],
    ],
    ['is over with its alloc', { hadAlloc: true, alloc: { ...runs, isOver: true } }, 'finished', []],
    ['stays over when its alloc is gone', { isFinished: true, node: 'node-1' }, 'finished', []],
    ['gets no second alloc when the first is gone', { hadAlloc: true, node: 'node-1' }, 'finished', []],
    ['stops its alloc when it is deleted', { isDeleting: true, alloc: runs }, 'stoppingAlloc', ['stopAlloc']],
    ['waits for that', { isDeleting: true, alloc: { ...runs, isBeingStopped: true } }, 'awaitingAlloc', []],
    ['goes then', { isDeleting: true }, 'releasing', ['releaseTask']],
  ];
  for (const [name, part, state, commands] of cases) {
    it(name, () => {
      const result = climb<State, Command>(machine, { ...fresh, ...part });
      expect(result.state).to.equal(state);
      expect(result.commands.map((command) => command.type)).to.deep.equal(commands);
    });
  }

  it('never creates a second alloc, nor lets a task go whose alloc is not over', () => {
    const all = combinations<Facts>({
      isDeleting: [true, false],
      isFinished: [true, false],
      hadAlloc: [true, false],
      alloc: [undefined, runs, { ...runs, isOver: true }, { ...runs, isBeingStopped: true }],
      node: [undefined, 'node-1'],
      reasons: [undefined, []],
      timesOutAtMs: [undefined, 1],
      isTimedOut: [true, false],
    }).filter((facts) => facts.hadAlloc || !facts.alloc);
    const seen = new Set<State>();
    for (const facts of all) {
      const { state, commands } = climb<State, Command>(machine, facts);
      seen.add(state);
      for (const command of commands) {
        if (command.type === 'createAlloc') {
          expect(facts).to.include({ hadAlloc: false, isFinished: false, isDeleting: false });
          expect(command.params.node).to.equal('node-1');
        }
        if (command.type === 'releaseTask') expect(facts.alloc?.isOver ?? true).to.equal(true);
        if (command.type === 'stopAlloc') expect(command.params.alloc).to.equal('job-a');
      }
    }
    expect(seen.size).to.equal(8);
  });
});
