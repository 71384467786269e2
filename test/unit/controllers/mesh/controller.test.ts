import { expect } from 'chai';
import { createMeshController } from '../../../../controllers/mesh/controller.ts';
import { createMemoryMesh, type MemoryMesh } from '../../../../runtime/mesh/memory.ts';
import { changed, node, peer } from '../../../vocabulary/objects.ts';
import { createWorld, seededRandom, type World } from '../../../vocabulary/world.ts';

describe('the mesh controller', () => {
  let world: World;
  let mesh: MemoryMesh;
  let reported: number[];
  let isSynced: boolean;
  const reachable = (name: string, address: string, more = {}) =>
    peer(name, { allowedIPs: [`${address}/32`], ...more });
  const start = async (...objects: Parameters<World['put']>) => {
    world = await createWorld({ objects });
    mesh = createMemoryMesh({ random: seededRandom(), endpoint: '10.0.0.1:51820' });
    reported = [];
    const { state } = world.environment.source;
    await world.run(
      createMeshController({
        node: 'node-1',
        mesh,
        progress: {
          get isSynced() {
            return isSynced;
          },
          revisionOf: () => state.revision,
        },
        onApplied: (revision) => reported.push(revision),
      }),
    );
  };
  const nodes = () => mesh.configuration?.peers.map((each) => each.node);

  beforeEach(() => {
    isSynced = true;
  });
  afterEach(() => world.close());

  it('publishes its node, and applies all the other nodes', async () => {
    await start(node('node-1'), reachable('node-2', '10.42.0.2'), reachable('node-3', '10.42.0.3'));
    expect(nodes()).to.deep.equal(['node-2', 'node-3']);
    const { publicKey } = await mesh.identity();
    expect(world.get('Peer', 'node-1').spec).to.include({ publicKey, endpoint: '10.0.0.1:51820' });
  });

  it('takes its own address from its peer, and no peer that has none', async () => {
    await start(node('node-1'), peer('node-2'));
    expect(nodes()).to.deep.equal([]);
    await world.put(changed(world.get('Peer', 'node-1'), { spec: { allowedIPs: ['10.42.0.1/32'] } }));
    expect(mesh.configuration?.addresses).to.deep.equal(['10.42.0.1/32']);
  });

  it('drops a peer that is withdrawn, and says at which revision it did', async () => {
    await start(node('node-1'), reachable('node-2', '10.42.0.2'), reachable('node-3', '10.42.0.3'));
    await world.put(reachable('node-3', '10.42.0.3', { withdrawn: true }));
    expect(nodes()).to.deep.equal(['node-2']);
    const withdrawn = Number(world.get('Peer', 'node-3').metadata.resourceVersion);
    expect(reported.at(-1)).to.be.at.least(withdrawn);
  });

  it('touches nothing while the list of peers is not whole', async () => {
    isSynced = false;
    await start(node('node-1'));
    expect(mesh.configuration).to.equal(undefined);
    expect(world.find('Peer', 'node-1')).to.equal(undefined);
  });

  it('publishes a new key over the one of an earlier agent', async () => {
    await start(node('node-1'), peer('node-1'));
    expect(world.get('Peer', 'node-1').spec.publicKey).to.equal((await mesh.identity()).publicKey);
  });

  it('does not come back while its node is being removed', async () => {
    await start(node('node-1'));
    await world.put(changed(world.get('Node', 'node-1'), { spec: { removed: true } }));
    await world.remove('Peer', 'node-1');
    expect(world.find('Peer', 'node-1')).to.equal(undefined);
  });

  it('takes the mesh down when its node is gone', async () => {
    await start(node('node-1'), reachable('node-2', '10.42.0.2'));
    await world.remove('Node', 'node-1');
    expect(mesh.configuration).to.equal(undefined);
  });
});
