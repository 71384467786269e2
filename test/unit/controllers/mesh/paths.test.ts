import { expect } from 'chai';
import { createMeshController } from '../../../../controllers/mesh/controller.ts';
import { machine } from '../../../../controllers/mesh/machine.ts';
import { createMemoryMesh, type MemoryMesh } from '../../../../runtime/mesh/memory.ts';
import { node, peer } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';
import { seededRandom, type World } from '../../../vocabulary/world.ts';

interface Outside {
  readonly mesh: MemoryMesh;
  readonly progress: { isSynced: boolean; isNew: boolean };
}

const newMesh = () => createMemoryMesh({ random: seededRandom(), endpoint: '10.0.0.1:51820' });
const identity = await newMesh().identity();
const other = (more: object = {}) => peer('node-2', { allowedIPs: ['10.42.0.2/32'], ...more });
const own = peer('node-1', { ...identity, allowedIPs: ['10.42.0.1/32'] });
const sees =
  (isSynced: boolean, isNew: boolean) =>
  ({ progress }: Outside) =>
    void Object.assign(progress, { isSynced, isNew });
const expectPeers =
  (...names: string[]) =>
  (_: World, { mesh }: Outside) =>
    expect(mesh.configuration?.peers.map((each) => each.node) ?? []).to.deep.equal(names);

describePaths('the ways of the mesh controller', {
  machine,
  key: 'node-1',
  stage({ environment }) {
    const mesh = newMesh();
    const progress = {
      isSynced: true,
      /** Something has changed that the mesh does not have. */
      isNew: true,
      revisionOf: () => (progress.isNew ? environment.source.state.revision : 0),
    };
    return {
      controller: createMeshController({ node: 'node-1', mesh, progress, onApplied: () => {} }),
      mesh,
      progress,
    };
  },
  situations: [
    {
      when: 'the list of peers is not whole',
      state: 'awaitingPeers',
      objects: [node('node-1')],
      outside: sees(false, true),
      after: (world) => expect(world.list('Peer')).to.deep.equal([]),
    },
    {
      when: 'its node is new',
      state: 'publishing',
      rests: 'applied',
      objects: [node('node-1'), other()],
      outside: sees(true, true),
      after: (world, stage) => {
        expect(world.get('Peer', 'node-1').spec).to.include(identity);
        expectPeers('node-2')(world, stage);
      },
    },
    {
      when: 'its node has another key',
      state: 'publishing',
      rests: 'applied',
      objects: [node('node-1'), peer('node-1'), other()],
      outside: sees(true, true),
      after: (world) => expect(world.get('Peer', 'node-1').spec).to.include(identity),
    },
    {
      when: 'its node leaves, and another one was withdrawn',
      state: 'applying',
      rests: 'applied',
      objects: [node('node-1', { removed: true }), other({ withdrawn: true })],
      outside: sees(true, true),
      after(world, stage) {
        expect(world.find('Peer', 'node-1')).to.equal(undefined);
        expectPeers()(world, stage);
      },
    },
    {
      when: 'there is a new peer',
      state: 'applying',
      rests: 'applied',
      objects: [node('node-1'), own, other()],
      outside: sees(true, true),
      after: expectPeers('node-2'),
    },
    {
      when: 'nothing is new',
      state: 'applied',
      objects: [node('node-1'), own],
      outside: sees(true, false),
    },
  ],
});
