import { expect } from 'chai';
import type { Facts } from '../../../../controllers/volume/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/volume/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { combinations } from '../../../vocabulary/combinations.ts';

/** Provisioned, detached, wanted nowhere. */
const facts = (part: Partial<Facts>): Facts => ({
  hasDriver: true,
  isProvisioned: true,
  isDeleting: false,
  isInUse: false,
  isClaimed: true,
  isReleased: false,
  isRecordStale: false,
  isAttachedRecorded: true,
  isMounted: false,
  isHolderLost: false,
  lookAgainAtMs: 0,
  ...part,
});
const at = (node: string): Partial<Facts> => ({ recorded: node, attached: node });
const climbed = (part: Partial<Facts>) => climb<State, Command>(machine, facts(part));

/** Tens of thousands of combinations; a machine that is busy with other things takes its time. */
const MOST_MS = 60_000;

describe('the volume machine', () => {
  const cases: readonly [string, Partial<Facts>, State, readonly string[]][] = [
    ['one without a driver rests', { hasDriver: false }, 'withoutDriver', []],
    ['one whose driver does not answer is tried again', { problem: 'x' }, 'locating', ['reportProblem']],
    ['a new one is provisioned', { isProvisioned: false }, 'provisioning', ['provisionVolume']],
    ['one that nobody needs is ready', {}, 'ready', []],
    [
      'one that an alloc waits for is claimed first',
      { wanted: 'a', isClaimed: false },
      'claiming',
      ['claimNode'],
    ],
    [
      'it is recorded before it is attached',
      { wanted: 'a' },
      'attaching',
      ['recordAttaching', 'attachVolume', 'recordAttached'],
    ],
    [
      'an attach that was cut short is taken up without a second record',
      { wanted: 'a', recorded: 'a' },
      'attaching',
      ['attachVolume', 'recordAttached'],
    ],
    ['one that is where it is wanted rests', { wanted: 'a', ...at('a') }, 'attached', []],
    [
      'one that is seen there, and not recorded as attached, is attached again: a detach may be under way',
      { wanted: 'a', ...at('a'), isAttachedRecorded: false, obstacle: 'it drains' },
      'attaching',
      ['attachVolume', 'recordAttached'],
    ],
    ['it stays put while it is mounted there', { wanted: 'a', ...at('a'), isMounted: true }, 'attached', []],
    ['one that cannot get there waits', { wanted: 'a', obstacle: 'it drains' }, 'awaitingNode', []],
    [
      'an unclaimed one that cannot get there waits',
      { wanted: 'a', isClaimed: false, obstacle: 'x' },
      'awaitingNode',
      [],
    ],
    [
      'wanted where it cannot go now, it stays where it is',
      { wanted: 'b', isClaimed: false, obstacle: 'it drains', ...at('a') },
      'awaitingNode',
      [],
    ],
    [
      'wanted where it cannot go, and not seen where it is recorded, it leaves that record',
      { wanted: 'b', isClaimed: false, recorded: 'a', isRecordStale: true, obstacle: 'it drains' },
      'detaching',
      ['recordDetaching', 'detachVolume', 'recordDetached'],
    ],
    [
      'released, it leaves its node all the same',
      { wanted: 'b', isClaimed: false, isReleased: true, obstacle: 'it drains', ...at('a') },
      'detaching',
      ['recordDetaching', 'detachVolume', 'recordDetached'],
    ],
    [
      'released, it waits for its unmount',
      { wanted: 'b', isClaimed: false, isReleased: true, obstacle: 'it drains', ...at('a'), isMounted: true },
      'unmounting',
      [],
    ],
    [
      'released and gone, it waits for the node that it is wanted on',
      { wanted: 'b', isClaimed: false, obstacle: 'it drains' },
      'awaitingNode',
      [],
    ],
    [
      'one that is wanted elsewhere waits for its unmount',
      { wanted: 'b', ...at('a'), isMounted: true },
      'unmounting',
      [],
    ],
    [
      'unmounted, it is recorded as leaving before it is detached',
      { wanted: 'b', ...at('a') },
      'detaching',
      ['recordDetaching', 'detachVolume', 'recordDetached'],
    ],
    [
      'a detach that was cut short is checked again before it is taken up',
      { wanted: 'b', ...at('a'), isAttachedRecorded: false },
      'detaching',
      ['recordDetaching', 'detachVolume', 'recordDetached'],
    ],
    [
      'one that was detached and not recorded so is recorded',
      { recorded: 'a', isAttachedRecorded: false },
      'detaching',
      ['recordDetaching', 'detachVolume', 'recordDetached'],
    ],
    [
      'it is taken by force from a node that is lost',
      { ...at('a'), isMounted: true, isHolderLost: true },
      'detaching',
      ['recordDetaching', 'detachVolume', 'recordDetached'],
    ],
    [
      'one to be deleted stays while it is in use',
      { isDeleting: true, isInUse: true, wanted: 'a', ...at('a') },
      'attached',
      [],
    ],
    [
      'one to be deleted is detached first',
      { isDeleting: true, ...at('a') },
      'detaching',
      ['recordDetaching', 'detachVolume', 'recordDetached'],
    ],
    ['then it is destroyed', { isDeleting: true }, 'destroying', ['destroyVolume', 'removeFinalizer']],
    [
      'one that was never made needs no driver to go',
      { isDeleting: true, isProvisioned: false, hasDriver: false },
      'destroying',
      ['removeFinalizer'],
    ],
  ];
  for (const [name, part, state, commands] of cases) {
    it(name, () => {
      const result = climbed(part);
      expect(result.state).to.equal(state);
      expect(result.commands.map((command) => command.type)).to.deep.equal(commands);
    });
  }

  it('detaches only where it was recorded first: another controller may have moved it on since', () => {
    const [record, detach] = climbed({ recorded: 'a', attached: 'b', wanted: 'c' }).commands;
    expect(record).to.deep.equal({ type: 'recordDetaching', params: { node: 'a' } });
    expect(detach).to.deep.equal({ type: 'detachVolume', params: { node: 'a' } });
  });

  it('then detaches where the driver sees it', () => {
    const [record, detach] = climbed({ attached: 'b', wanted: 'c' }).commands;
    expect(record).to.deep.equal({ type: 'recordDetaching', params: { node: 'b' } });
    expect(detach).to.deep.equal({ type: 'detachVolume', params: { node: 'b' } });
  });

  it('never does what would lose data or give it two writers, whatever the facts are', function () {
    this.timeout(MOST_MS);
    const all = combinations<Facts>({
      hasDriver: [true, false],
      problem: [undefined, 'x'],
      isProvisioned: [true, false],
      isDeleting: [true, false],
      isInUse: [true, false],
      wanted: [undefined, 'a', 'b'],
      isClaimed: [true, false],
      isReleased: [true, false],
      recorded: [undefined, 'a', 'b'],
      attached: [undefined, 'a', 'b'],
      isRecordStale: [true, false],
      isAttachedRecorded: [true, false],
      isMounted: [true, false],
      isHolderLost: [true, false],
      obstacle: [undefined, 'x'],
      keptBy: [undefined],
      lookAgainAtMs: [0],
    });
    const seen = new Set<State>();
    for (const each of all) {
      const { state, commands } = climb<State, Command>(machine, each);
      seen.add(state);
      const types = commands.map((command) => command.type);
      const says = commands.length > 0 ? JSON.stringify({ each, state, types }) : '';
      for (const { type, params } of commands) {
        if (type === 'detachVolume') {
          expect(
            each.isMounted && !each.isHolderLost,
            `detached while mounted on a live node: ${says}`,
          ).to.equal(false);
          expect(types[0], `unrecorded: ${says}`).to.equal('recordDetaching');
        }
        if (type === 'attachVolume') {
          const isThere = each.attached === params.node && each.recorded === params.node;
          expect(each.obstacle === undefined || isThere, `attached where it may not be: ${says}`).to.equal(
            true,
          );
          expect([undefined, params.node], `second node: ${says}`).to.include(each.attached);
          expect([undefined, params.node], `second node: ${says}`).to.include(each.recorded);
          expect(types[0] === 'recordAttaching' || each.recorded === params.node, says).to.equal(true);
        }
        if (type === 'destroyVolume' || type === 'removeFinalizer') {
          expect(each.isDeleting && !each.isInUse, `destroyed in use: ${says}`).to.equal(true);
        }
        if (type === 'destroyVolume')
          expect([each.attached, each.recorded], says).to.deep.equal([undefined, undefined]);
      }
    }
    expect([...seen].sort()).to.deep.equal(Object.keys(machine.states).sort());
  });
});
