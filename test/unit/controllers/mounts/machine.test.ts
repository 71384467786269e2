import { expect } from 'chai';
import type { Facts } from '../../../../controllers/mounts/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/mounts/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { combinations } from '../../../vocabulary/combinations.ts';

/** Attached here, wanted here, needed by nobody. */
const facts = (part: Partial<Facts>): Facts => ({
  isStaying: true,
  isNeeded: false,
  isUsed: false,
  isAttached: true,
  isFenced: false,
  isRecorded: false,
  isMounted: false,
  isHeld: false,
  ...part,
});
const mounted = { isRecorded: true, isMounted: true, isHeld: true };
const leaving = { isStaying: false };

describe('the mounts machine', () => {
  const mount = ['recordMounted', 'mountVolume'];
  const cases: readonly [string, Partial<Facts>, State, readonly string[]][] = [
    ['one that nobody needs is left alone', {}, 'idle', []],
    [
      'one that is needed waits until it is attached',
      { isNeeded: true, isAttached: false },
      'awaitingAttachment',
      [],
    ],
    ['one that is needed is recorded, then mounted', { isNeeded: true }, 'mounting', mount],
    ['one that an earlier agent had is confirmed', { isNeeded: true, isRecorded: true }, 'mounting', mount],
    ['one in doubt is confirmed', { isNeeded: true, isRecorded: true, isHeld: true }, 'mounting', mount],
    [
      'nothing is mounted while the node is given up',
      { isNeeded: true, isFenced: true },
      'awaitingAttachment',
      [],
    ],
    ['then it is mounted', { isNeeded: true, ...mounted }, 'mounted', []],
    ['it stays mounted when nobody needs it', mounted, 'idle', []],
    [
      'one that leaves waits for its writer',
      { ...leaving, ...mounted, isUsed: true },
      'awaitingWorkload',
      [],
    ],
    [
      'then it is unmounted, and recorded so',
      { ...leaving, ...mounted },
      'unmounting',
      ['unmountVolume', 'recordUnmounted'],
    ],
    [
      'one of which only the record is left, too',
      { ...leaving, isRecorded: true },
      'unmounting',
      ['unmountVolume', 'recordUnmounted'],
    ],
    [
      'one that was never recorded is only unmounted',
      { ...leaving, isHeld: true },
      'unmounting',
      ['unmountVolume'],
    ],
    ['then it may go', leaving, 'unmounted', []],
  ];
  for (const [name, part, state, commands] of cases) {
    it(name, () => {
      const result = climb<State, Command>(machine, facts(part));
      expect(result.state).to.equal(state);
      expect(result.commands.map((command) => command.type)).to.deep.equal(commands);
    });
  }

  it('never unmounts under a writer, nor mounts what is not here, whatever the facts are', () => {
    const either = [true, false] as const;
    const all = combinations<Facts>({
      isStaying: either,
      isNeeded: either,
      isUsed: either,
      isAttached: either,
      isFenced: either,
      isRecorded: either,
      isMounted: either,
      isHeld: either,
    });
    const seen = new Set<State>();
    for (const each of all) {
      const { state, commands } = climb<State, Command>(machine, each);
      seen.add(state);
      const types = commands.map((command) => command.type);
      if (types.includes('unmountVolume')) expect(each).to.include({ isUsed: false, isStaying: false });
      if (types.includes('mountVolume')) {
        expect(each).to.include({ isAttached: true, isStaying: true, isNeeded: true, isFenced: false });
        expect(types.indexOf('recordMounted')).to.equal(0);
      }
      if (types.includes('recordUnmounted')) expect(types[0]).to.equal('unmountVolume');
    }
    expect([...seen].sort()).to.deep.equal(Object.keys(machine.states).sort());
  });
});
