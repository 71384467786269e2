import { expect } from 'chai';
import type { Facts } from '../../../../controllers/mesh/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/mesh/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { combinations } from '../../../vocabulary/combinations.ts';

const facts = (part: Partial<Facts>): Facts => ({
  isSynced: true,
  isLeaving: false,
  identity: { publicKey: 'key' },
  hasPeer: true,
  isPublished: true,
  wanted: { addresses: [], peers: [] },
  revision: 5,
  appliedRevision: 5,
  ...part,
});

describe('the mesh machine', () => {
  const unpublished = { isPublished: false };
  const cases: readonly [string, Partial<Facts>, State, readonly string[]][] = [
    [
      'nothing is done before the list of peers is whole',
      { isSynced: false, ...unpublished },
      'awaitingPeers',
      [],
    ],
    ['the node publishes itself', { ...unpublished, hasPeer: false }, 'publishing', ['createPeer']],
    ['a new key replaces the old one', unpublished, 'publishing', ['updatePeer']],
    [
      'a node that leaves does not publish itself again',
      { ...unpublished, hasPeer: false, isLeaving: true },
      'applied',
      [],
    ],
    ['what is new is applied', { revision: 6 }, 'applying', ['applyPeers']],
    ['then all is well', {}, 'applied', []],
  ];
  for (const [name, part, state, commands] of cases) {
    it(name, () => {
      const result = climb<State, Command>(machine, facts(part));
      expect(result.state).to.equal(state);
      expect(result.commands.map((command) => command.type)).to.deep.equal(commands);
    });
  }

  it('never applies a list that is not whole, nor publishes a node that leaves, whatever the facts are', () => {
    const either = [true, false] as const;
    const all = combinations<Facts>({
      isSynced: either,
      isLeaving: either,
      identity: [{ publicKey: 'key' }],
      hasPeer: either,
      isPublished: either,
      wanted: [{ addresses: [], peers: [] }],
      revision: [5, 6],
      appliedRevision: [0, 5],
    });
    const seen = new Set<State>();
    for (const each of all) {
      const { state, commands } = climb<State, Command>(machine, each);
      seen.add(state);
      for (const { type, params } of commands) {
        expect(each.isSynced, `${type} by half a list`).to.equal(true);
        if (type === 'applyPeers') {
          expect(params).to.deep.equal({ configuration: each.wanted, revision: each.revision });
          expect(each.appliedRevision).to.be.lessThan(each.revision);
        } else {
          expect(each, type).to.include({ isLeaving: false, isPublished: false });
          expect(each.hasPeer).to.equal(type === 'updatePeer');
        }
      }
      if (state === 'applied') expect(each.appliedRevision).to.be.at.least(each.revision);
    }
    expect([...seen].sort()).to.deep.equal(Object.keys(machine.states).sort());
  });
});
