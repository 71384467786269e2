import { expect } from 'chai';
import type { Facts } from '../../../../controllers/alloc/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/alloc/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { combinations } from '../../../vocabulary/combinations.ts';

/** A new alloc of a service without volumes. */
const facts = (part: Partial<Facts>): Facts => ({
  owner: 'Service',
  desired: 'running',
  isOver: false,
  process: 'none',
  isRouted: false,
  missingVolumes: [],
  health: 'unknown',
  stopGraceMs: 10_000,
  clearGraceMs: 10_000,
  isUnreported: false,
  lastedMs: 0,
  address: '127.0.0.1',
  supervision: undefined,
  ...part,
});
const climbed = (part: Partial<Facts>) => climb<State, Command>(machine, facts(part));
const isAlive = ({ process }: Facts) => ['starting', 'running', 'stopping'].includes(process);

describe('the alloc machine', () => {
  const running = { process: 'running' } as const;
  const stop = { desired: 'stopped' } as const;
  const suspend = { desired: 'suspended' } as const;
  const cases: readonly [string, Partial<Facts>, State, readonly string[]][] = [
    ['a new one is started', {}, 'starting', ['startWorkload']],
    ['one that mounts volumes waits for them', { missingVolumes: ['x'] }, 'awaitingVolumes', []],
    ['one that is being started is not started again', { process: 'starting' }, 'starting', []],
    ['one that runs is probed', running, 'probing', []],
    ['one that runs and passes its check is healthy', { ...running, health: 'healthy' }, 'healthy', []],
    ['one that was healthy and is not is probed on', { ...running, health: 'unhealthy' }, 'probing', []],
    [
      'one whose volume has a problem while it runs goes on',
      { ...running, missingVolumes: ['x'] },
      'probing',
      [],
    ],
    ['one that ended by itself has ended', { process: 'gone' }, 'ended', []],
    ['one that was started and is nowhere has ended', { process: 'lost' }, 'ended', []],
    ['one to be stopped is unrouted first', { ...running, ...stop, isRouted: true }, 'unrouting', []],
    ['then it is stopped', { ...running, ...stop }, 'stopping', ['stopWorkload']],
    ['until its process is gone', { ...stop, process: 'stopping' }, 'stopping', ['stopWorkload']],
    ['then it is over', { ...stop, process: 'gone' }, 'stopped', []],
    ['one that never started is over at once', stop, 'stopped', []],
    [
      'one that ended while it waited to be unrouted is over',
      { ...stop, process: 'gone', isRouted: true },
      'stopped',
      [],
    ],
    ['one to be suspended is unrouted first', { ...running, ...suspend, isRouted: true }, 'unrouting', []],
    ['then it is stopped, for a while', { ...running, ...suspend }, 'stopping', ['stopWorkload']],
    ['and suspended when its process is gone', { ...suspend, process: 'none' }, 'suspended', []],
    ['one that is wanted again waits for its old process to end', { process: 'stopping' }, 'ending', []],
    ['one that is over rests', { isOver: true, process: 'gone' }, 'over', []],
    ['one that is over and still runs is ended', { isOver: true, ...running }, 'clearing', ['killWorkload']],
    ['one that nobody can reach is ended', { process: 'unreported' }, 'clearing', ['killWorkload']],
  ];
  for (const [name, part, state, commands] of cases) {
    it(name, () => {
      const result = climbed(part);
      expect(result.state).to.equal(state);
      expect(result.commands.map((command) => command.type)).to.deep.equal(commands);
    });
  }

  it('says for what and how gently a process is stopped', () => {
    expect(climbed({ ...running, ...stop }).commands[0]?.params).to.deep.equal({
      graceMs: 10_000,
      purpose: 'stopped',
    });
    expect(climbed({ ...running, ...suspend }).commands[0]?.params).to.include({ purpose: 'suspended' });
  });

  it('never does what must not be, whatever the facts are', () => {
    const all = combinations<Facts>({
      owner: ['Service', 'Task'],
      desired: ['running', 'suspended', 'stopped'],
      isOver: [true, false],
      process: ['none', 'starting', 'running', 'stopping', 'gone', 'lost', 'unreported'],
      isRouted: [true, false],
      missingVolumes: [[], ['x']],
      health: ['unknown', 'healthy', 'unhealthy'],
      stopGraceMs: [10_000],
      clearGraceMs: [0],
      isUnreported: [true, false],
      lastedMs: [0],
      reportAtMs: [undefined],
      address: ['127.0.0.1'],
      supervision: [undefined],
    });
    const seen = new Set<State>();
    for (const each of all) {
      const { state, commands } = climb<State, Command>(machine, each);
      seen.add(state);
      const says = commands.length > 0 ? JSON.stringify({ each, state, commands }) : '';
      for (const { type } of commands) {
        if (type === 'startWorkload') {
          expect(each.isOver, `started while it is over: ${says}`).to.equal(false);
          expect(each.process, `started twice: ${says}`).to.equal('none');
          expect(each.desired, `started against what is wanted: ${says}`).to.equal('running');
          expect(each.missingVolumes, `started without its volumes: ${says}`).to.deep.equal([]);
        }
        if (type === 'stopWorkload') {
          expect(each.isRouted, `stopped while it is routed: ${says}`).to.equal(false);
          expect(each.desired, `stopped though it is wanted: ${says}`).to.not.equal('running');
        }
        if (type === 'killWorkload') {
          expect(each.isOver || each.process === 'unreported', `killed for nothing: ${says}`).to.equal(true);
        }
      }
      if (state === 'stopped' || state === 'suspended' || state === 'over' || state === 'ended') {
        expect(isAlive(each), `reported over while it runs: ${state}`).to.equal(false);
      }
      if (state === 'healthy') expect(each).to.include({ process: 'running', health: 'healthy' });
    }
    expect([...seen].sort()).to.deep.equal(Object.keys(machine.states).sort());
  });
});
