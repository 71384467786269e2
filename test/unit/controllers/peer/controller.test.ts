import { expect } from 'chai';
import { chooseAddress } from '../../../../controllers/peer/addresses.ts';
import { peerController } from '../../../../controllers/peer/controller.ts';
import { changed, node, peer } from '../../../vocabulary/objects.ts';
import { createWorld, type World } from '../../../vocabulary/world.ts';

describe('the peer controller', () => {
  let world: World;
  afterEach(() => world.close());

  const begin = async (objects: Parameters<World['put']>) => {
    world = await createWorld({ objects });
    await world.run(peerController);
  };
  const addressOf = (name: string) => world.get('Peer', name).spec.allowedIPs;

  it('gives each peer an address of its own, and records where it was published', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `node-${index}`);
    await begin(names.flatMap((name) => [node(name), peer(name)]));
    const addresses = names.flatMap(addressOf);
    expect(new Set(addresses).size).to.equal(50);
    for (const address of addresses) expect(address).to.match(/^10\.42\.\d+\.\d+\/32$/);
    for (const { status, metadata } of world.list('Peer')) {
      expect(status.publishedRevision).to.be.lessThan(Number(metadata.resourceVersion));
    }
    expect(world.failures).to.deep.equal([]);
  });

  it('leaves an address where it is', async () => {
    await begin([node('node-1'), peer('node-1', { allowedIPs: ['10.42.9.9/32'] })]);
    expect(addressOf('node-1')).to.deep.equal(['10.42.9.9/32']);
    expect(world.writes).to.deep.equal(['updateStatus Peer/node-1']);
  });

  it('gives the younger of two peers with one address another', async () => {
    await begin([
      node('node-1'),
      node('node-2'),
      peer('node-1', { allowedIPs: ['10.42.9.9/32'] }),
      peer('node-2', { allowedIPs: ['10.42.9.9/32', '192.168.7.0/24'] }),
    ]);
    expect(addressOf('node-1')).to.deep.equal(['10.42.9.9/32']);
    expect(addressOf('node-2')[0])
      .to.match(/^10\.42\./)
      .and.not.to.equal('10.42.9.9/32');
    expect(addressOf('node-2')[1]).to.equal('192.168.7.0/24');
  });

  it('publishes again when the key changes', async () => {
    await begin([node('node-1'), peer('node-1')]);
    const before = world.get('Peer', 'node-1').status.publishedRevision ?? 0;
    await world.client.patch('Peer', 'node-1', { spec: { publicKey: `${'B'.repeat(43)}=` } });
    await world.settle();
    expect(world.get('Peer', 'node-1').status.publishedRevision).to.be.greaterThan(before);
  });

  it('does not touch a peer that is withdrawn', async () => {
    await begin([node('node-1'), peer('node-1', { withdrawn: true })]);
    expect(world.writes).to.deep.equal([]);
  });

  it('deletes the peer of a node that is gone', async () => {
    await begin([node('node-1'), peer('node-1'), peer('node-2')]);
    expect(world.list('Peer').map(({ metadata }) => metadata.name)).to.deep.equal(['node-1']);
    await world.remove('Node', 'node-1');
    expect(world.list('Peer')).to.deep.equal([]);
  });

  it('does not write when a node reports', async () => {
    await begin([node('node-1'), peer('node-1')]);
    const { length } = world.writes;
    await world.put(changed(world.get('Node', 'node-1'), { status: { phase: 'down' } }));
    expect(world.writes).to.have.length(length);
  });
});

describe('mesh addresses', () => {
  it('are the same for a name as long as they are free', () => {
    expect(chooseAddress('node-1', () => true)).to.equal(chooseAddress('node-1', () => true));
  });

  it('go on to the next one where one is taken, until none is left', () => {
    const taken = new Set<string>();
    for (let count = 0; count < 300; count++) {
      const address = chooseAddress('node-1', (each) => !taken.has(each));
      expect(address).not.to.equal(undefined);
      taken.add(address ?? '');
    }
    expect(taken.size).to.equal(300);
    expect([...taken]).not.to.include.members(['10.42.0.0/32', '10.42.255.255/32']);
    expect(chooseAddress('node-1', () => false)).to.equal(undefined);
  });
});
