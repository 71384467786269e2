import { expect } from 'chai';
import { removalController } from '../../../../controllers/removal/controller.ts';
import { machine } from '../../../../controllers/removal/machine.ts';
import { alloc, build, migration, node, nodeLease, peer } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';
import type { World } from '../../../vocabulary/world.ts';

const others = [node('node-1'), nodeLease('node-1')];
const removed = node('node-3', { drain: true, removed: true });
const token = { node: 'node-3', nodeUid: 'node-node-3-uid', tokenHash: 'a'.repeat(64) };
const credential = build('Credential', 'node-3', token, {}, {});
const withdrawn = peer('node-3', { withdrawn: true });
const isRevoked = (world: World) => expect(world.get('Credential', 'node-3').spec.revoked).to.equal(true);
const isGone = (world: World) => expect(world.find('Node', 'node-3')).to.equal(undefined);

describePaths('the ways of the removal controller', {
  machine,
  key: 'node-3',
  stage: () => ({ controller: removalController }),
  situations: [
    {
      when: 'its node stays',
      state: 'staying',
      objects: [...others, node('node-3', { drain: true }), credential, peer('node-3')],
    },
    {
      when: 'something is left of its allocs',
      state: 'sweepingAllocs',
      rests: 'unpeering',
      objects: [
        ...others,
        removed,
        alloc('web-0-a', { node: 'node-3' }, { phase: 'stopped' }),
        migration('web-0-a', { node: 'node-3' }, { phase: 'done' }),
        credential,
        peer('node-3'),
      ],
      after(world) {
        isRevoked(world);
        expect([...world.list('Alloc'), ...world.list('Migration')]).to.deep.equal([]);
        expect(world.get('Peer', 'node-3').spec.withdrawn).to.equal(true);
      },
    },
    {
      when: 'its agent can still prove itself',
      state: 'revokingCredential',
      rests: 'unpeering',
      objects: [...others, removed, credential, withdrawn],
      after: isRevoked,
    },
    {
      when: 'the others were not told to drop it',
      state: 'withdrawingPeer',
      rests: 'unpeering',
      objects: [...others, removed, peer('node-3')],
    },
    {
      when: 'another has not dropped it yet',
      state: 'unpeering',
      objects: [...others, removed, withdrawn],
      after: (world) => expect(world.find('Peer', 'node-3')).not.to.equal(undefined),
    },
    {
      when: 'nobody is left who could know it',
      state: 'deletingPeer',
      rests: 'deletingNode',
      objects: [node('node-1', {}, { phase: 'down' }), removed, withdrawn],
      after: isGone,
    },
    { when: 'nothing of it is left', state: 'deletingNode', objects: [...others, removed], after: isGone },
  ],
});
