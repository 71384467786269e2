import { expect } from 'chai';
import type { Facts } from '../../../../controllers/peer/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/peer/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { combinations } from '../../../vocabulary/combinations.ts';

describe('the peer machine', () => {
  it('deletes exactly what has no node, and gives an address only to what lacks one, whatever the facts are', () => {
    const all = combinations<Facts>({
      hasNode: [true, false],
      isWithdrawn: [true, false],
      hasAddress: [true, false],
      freeAddress: [undefined, '10.42.0.1/32'],
    });
    const seen = new Set<State>();
    for (const each of all) {
      const { state, commands } = climb<State, Command>(machine, each);
      seen.add(state);
      expect(commands.some(({ type }) => type === 'deletePeer')).to.equal(!each.hasNode);
      for (const { type, params } of commands) {
        if (type !== 'assignAddress') continue;
        expect(each).to.include({ hasNode: true, isWithdrawn: false, hasAddress: false });
        expect(params).to.deep.equal({ address: each.freeAddress });
      }
      if (state === 'published') expect(each).to.include({ isWithdrawn: false, hasAddress: true });
    }
    expect([...seen].sort()).to.deep.equal(Object.keys(machine.states).sort());
  });
});
