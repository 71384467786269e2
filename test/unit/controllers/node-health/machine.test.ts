import { expect } from 'chai';
import type { Facts } from '../../../../controllers/node-health/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/node-health/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { combinations } from '../../../vocabulary/combinations.ts';

const facts = (part: Partial<Facts>): Facts => ({
  node: 'node-1',
  isAlive: true,
  isLeaving: false,
  recordedPhase: 'ready',
  isNeverSeen: false,
  activeAllocs: [],
  ...part,
});
const climbed = (part: Partial<Facts>) => climb<State, Command>(machine, facts(part));

describe('the node-health machine', () => {
  const cases: readonly [string, Partial<Facts>, State, readonly string[]][] = [
    ['a node that is up is ready', {}, 'ready', []],
    ['a node that is up and leaves is draining', { isLeaving: true }, 'draining', []],
    ['a node that was down comes up', { recordedPhase: 'down' }, 'comingUp', ['announceUp']],
    ['a silent node goes down first', { isAlive: false, activeAllocs: ['a'] }, 'goingDown', ['announceDown']],
    [
      'once it is recorded down its allocs are failed',
      { isAlive: false, recordedPhase: 'down', activeAllocs: ['a'] },
      'failingAllocs',
      ['failAllocs'],
    ],
    ['with none left it is down', { isAlive: false, recordedPhase: 'down' }, 'down', []],
    [
      'a node that was never seen is not announced as lost',
      { isAlive: false, recordedPhase: 'down', isNeverSeen: true },
      'down',
      [],
    ],
  ];
  for (const [name, part, state, commands] of cases) {
    it(name, () => {
      const result = climbed(part);
      expect(result.state).to.equal(state);
      expect(result.commands.map((command) => command.type)).to.deep.equal(commands);
    });
  }

  it('fails allocs only of a node that is silent and recorded down, whatever else is true', () => {
    const all = combinations<Facts>({
      node: ['node-1'],
      isAlive: [true, false],
      isLeaving: [true, false],
      recordedPhase: ['ready', 'draining', 'down'],
      // What was never seen was never recorded up.
      isNeverSeen: [true, false],
      activeAllocs: [[], ['a', 'b']],
      aliveUntilMs: [undefined],
      lastHeartbeat: [undefined],
    }).filter((each) => !each.isNeverSeen || (each.recordedPhase === 'down' && !each.isAlive));
    const seen = new Set<State>();
    for (const each of all) {
      const { state, commands } = climb<State, Command>(machine, each);
      seen.add(state);
      if (commands.some((command) => command.type === 'failAllocs')) {
        expect(each).to.include({ isAlive: false, recordedPhase: 'down' });
      }
    }
    expect([...seen].sort()).to.deep.equal([
      'comingUp',
      'down',
      'draining',
      'failingAllocs',
      'goingDown',
      'ready',
    ]);
  });
});
