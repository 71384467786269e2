import { expect } from 'chai';
import type { Facts } from '../../../../controllers/removal/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/removal/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { combinations } from '../../../vocabulary/combinations.ts';

describe('the removal machine', () => {
  it('in every combination of facts goes step by step', () => {
    const all = combinations<Facts>({
      isWanted: [true, false],
      isDeleting: [true, false],
      allocs: [[], ['web-0-a']],
      activeAllocs: [0, 1],
      migrations: [[], ['web-0-a']],
      isCredentialValid: [true, false],
      peers: [[], ['node-3']],
      publishedPeers: [[], ['node-3']],
      awaited: [undefined, 'node-1'],
    }).filter((each) => each.publishedPeers.length <= each.peers.length);
    const seen = new Set<State>();
    for (const each of all) {
      const { state, commands } = climb<State, Command>(machine, each);
      seen.add(state);
      const types = commands.map(({ type }) => type);
      const message = JSON.stringify({ state, each });
      const isSwept = each.allocs.length + each.activeAllocs + each.migrations.length === 0;
      if (!each.isWanted) expect(types, message).to.deep.equal([]);
      if (types.includes('revokeCredential')) expect(isSwept, message).to.equal(true);
      if (types.includes('withdrawPeers')) expect(isSwept && !each.isCredentialValid, message).to.equal(true);
      if (types.includes('deletePeers'))
        expect(each.awaited === undefined && each.publishedPeers.length === 0, message).to.equal(true);
      if (types.includes('deleteNode') || types.includes('releaseNode')) {
        expect(isSwept && !each.isCredentialValid && each.peers.length === 0, message).to.equal(true);
      }
      if (each.isWanted && types.length === 0) expect(each.awaited, message).not.to.equal(undefined);
    }
    expect(seen.size).to.equal(7);
  });
});
