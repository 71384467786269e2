import { expect } from 'chai';
import { peerController } from '../../../../controllers/peer/controller.ts';
import { machine } from '../../../../controllers/peer/machine.ts';
import { node, peer } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';

const address = '10.42.9.9/32';

describePaths('the ways of the peer controller', {
  machine,
  key: 'node-1',
  stage: () => ({ controller: peerController }),
  situations: [
    {
      when: 'it has an address',
      state: 'published',
      objects: [node('node-1'), peer('node-1', { allowedIPs: [address] })],
    },
    {
      when: 'it has none',
      state: 'addressing',
      rests: 'published',
      objects: [node('node-1'), peer('node-1')],
    },
    {
      when: 'an older peer has the same address',
      state: 'addressing',
      rests: 'published',
      objects: [
        node('a'),
        node('node-1'),
        peer('a', { allowedIPs: [address] }),
        peer('node-1', { allowedIPs: [address] }),
      ],
    },
    {
      when: 'its node leaves',
      state: 'withdrawn',
      objects: [node('node-1'), peer('node-1', { withdrawn: true })],
    },
    {
      when: 'its node is gone',
      state: 'orphaned',
      objects: [peer('node-1', { allowedIPs: [address] })],
      after: (world) => expect(world.find('Peer', 'node-1')).to.equal(undefined),
    },
  ],
});
