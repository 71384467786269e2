import { expect } from 'chai';
import type { AnyObject } from '../../../../api/kinds/index.ts';
import type { Lease } from '../../../../api/kinds/lease.ts';
import { removalController } from '../../../../controllers/removal/controller.ts';
import { alloc, build, migration, node, nodeLease, peer } from '../../../vocabulary/objects.ts';
import { createWorld, type World } from '../../../vocabulary/world.ts';

const credential = build(
  'Credential',
  'node-3',
  { node: 'node-3', nodeUid: 'node-node-3-uid', tokenHash: 'a'.repeat(64) },
  {},
  {},
);

describe('the removal controller', () => {
  let world: World;
  afterEach(() => world.close());

  const down = (name: string) => node(name, {}, { phase: 'down' });
  const begin = async (...objects: AnyObject[]) => {
    world = await createWorld({
      objects: [node('node-1'), node('node-2'), node('node-3', { drain: true }), ...objects],
    });
    await world.run(removalController);
  };
  const remove = async () => {
    await world.client.patch('Node', 'node-3', { spec: { removed: true } });
    await world.settle();
  };
  const acknowledge = async (name: string) => {
    const { resourceVersion } = world.get('Peer', 'node-3').metadata;
    const lease: Lease = nodeLease(name, { appliedRevision: Number(resourceVersion) });
    await world.put(lease);
  };

  it('leaves nodes alone that stay', async () => {
    await begin(alloc('web-0-a', { node: 'node-3' }, { phase: 'stopped' }), peer('node-3'));
    expect(world.writes).to.deep.equal([]);
  });

  it('removes a node with all its traces', async () => {
    await begin(
      alloc('web-0-a', { node: 'node-3' }, { phase: 'stopped' }),
      migration('web-0-a', { node: 'node-3' }, { phase: 'done' }),
      credential,
      peer('node-3'),
      nodeLease('node-3'),
      down('node-1'),
      down('node-2'),
    );
    await remove();
    expect(world.failures).to.deep.equal([]);
    expect(world.find('Node', 'node-3')).to.equal(undefined);
    expect(world.list('Alloc')).to.deep.equal([]);
    expect(world.list('Migration')).to.deep.equal([]);
    expect(world.list('Peer')).to.deep.equal([]);
    expect(world.list('Lease')).to.deep.equal([]);
    expect(world.get('Credential', 'node-3').spec.revoked).to.equal(true);
    expect(world.events).to.deep.equal([
      'Normal NodeRemoved node/node-3: node node-3 was taken out of the fleet',
    ]);
    expect(world.failures).to.deep.equal([]);
  });

  it('waits until every live node has dropped the peer', async () => {
    await begin(peer('node-3'), nodeLease('node-1'), nodeLease('node-2'), nodeLease('node-3'));
    await remove();
    expect(world.get('Peer', 'node-3').spec.withdrawn).to.equal(true);
    await acknowledge('node-1');
    expect(world.find('Node', 'node-3')).not.to.equal(undefined);
    await acknowledge('node-2');
    expect(world.find('Peer', 'node-3')).to.equal(undefined);
    expect(world.find('Node', 'node-3')).to.equal(undefined);
  });

  it('does not wait for a node that is being removed as well', async () => {
    const leaving = (name: string) =>
      build(
        'Credential',
        name,
        { node: name, nodeUid: `node-${name}-uid`, tokenHash: name.at(-1)?.repeat(64) ?? '' },
        {},
        {},
      );
    await begin(
      peer('node-2'),
      peer('node-3'),
      nodeLease('node-2'),
      nodeLease('node-3'),
      leaving('node-2'),
      leaving('node-3'),
      down('node-1'),
    );
    await Promise.all([remove(), world.client.patch('Node', 'node-2', { spec: { removed: true } })]);
    await world.settle();
    expect(world.list('Node').map(({ metadata }) => metadata.name)).to.deep.equal(['node-1']);
  });

  it('waits for a node that is silent until it is down', async () => {
    await begin(peer('node-3'), nodeLease('node-1'), nodeLease('node-2', { durationMs: 1_000 }));
    await remove();
    await acknowledge('node-1');
    await world.advance(60_000);
    expect(world.find('Peer', 'node-3')).not.to.equal(undefined);
    await world.put(down('node-2'));
    expect(world.find('Node', 'node-3')).to.equal(undefined);
  });

  it('waits for a node whose lease was lost, until that is there again or the node is down', async () => {
    await begin(peer('node-3'));
    await remove();
    expect(world.find('Peer', 'node-3')).not.to.equal(undefined);
    await acknowledge('node-1');
    expect(world.find('Peer', 'node-3')).not.to.equal(undefined);
    await world.put(down('node-2'));
    expect(world.find('Node', 'node-3')).to.equal(undefined);
  });

  it('creates no credential where there is none', async () => {
    await begin();
    await remove();
    expect(world.find('Node', 'node-3')).to.equal(undefined);
    expect(world.list('Credential')).to.deep.equal([]);
  });

  it('does the same for a node that is deleted', async () => {
    await begin(credential, peer('node-3'), down('node-1'), down('node-2'));
    await world.client.delete('Node', 'node-3');
    await world.settle();
    expect(world.find('Node', 'node-3')).to.equal(undefined);
    expect(world.get('Credential', 'node-3').spec.revoked).to.equal(true);
  });
});
