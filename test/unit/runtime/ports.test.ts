import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { createPortAllocator, rangeOutside } from '../../../runtime/ports.ts';
import { seededRandom } from '../../vocabulary/world.ts';

const address = '127.0.0.1';

describe('the port allocator', () => {
  const allocator = (first: number, last: number, isFree: (port: number) => boolean = () => true) =>
    createPortAllocator({
      address,
      random: seededRandom(),
      range: { first, last },
      isFree: async (_, port) => isFree(port),
    });

  it('gives each name a port of its own, in the range, and the same ones when asked again', async () => {
    const ports = allocator(30_000, 30_009);
    const first = await ports.reserve('web-0', ['http', 'admin']);
    expect(first.map(({ name }) => name)).to.deep.equal(['http', 'admin']);
    expect(new Set(first.map(({ port }) => port)).size).to.equal(2);
    for (const { port } of first) expect(port).to.be.within(30_000, 30_009);
    expect(await ports.reserve('web-0', ['http', 'admin'])).to.equal(first);
  });

  it('never gives one port to two allocs, even when both ask at once', async () => {
    const ports = allocator(30_000, 30_007);
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, index) => ports.reserve(`web-${index}`, ['http'])),
    );
    expect(new Set(all.flat().map(({ port }) => port)).size).to.equal(8);
  });

  it('leaves out what is in use, and says so when nothing is left', async () => {
    const ports = allocator(30_000, 30_001, (port) => port === 30_001);
    expect(await ports.reserve('web-0', ['http'])).to.deep.equal([{ name: 'http', port: 30_001 }]);
    const problem = await ports.reserve('web-1', ['http']).catch((error: Error) => error.message);
    expect(problem).to.equal('no free port on 127.0.0.1 between 30000 and 30001');
    ports.release('web-0');
    expect(await ports.reserve('web-1', ['http'])).to.deep.equal([{ name: 'http', port: 30_001 }]);
  });

  it('gives nothing away when one of several ports is not to be had', async () => {
    const ports = allocator(30_000, 30_000);
    await ports.reserve('web-0', ['http', 'admin']).catch(() => {});
    expect(await ports.reserve('web-1', ['http'])).to.deep.equal([{ name: 'http', port: 30_000 }]);
  });

  it('keeps the ports of adopted allocs for them', async () => {
    const ports = allocator(30_000, 30_001);
    ports.adopt('web-0', [{ name: 'http', port: 30_000 }]);
    expect(await ports.reserve('web-1', ['http'])).to.deep.equal([{ name: 'http', port: 30_001 }]);
    expect(await ports.reserve('web-0', ['http'])).to.deep.equal([{ name: 'http', port: 30_000 }]);
  });

  it('finds out by binding whether a port is free', async () => {
    const server = createServer().listen(0, address);
    await once(server, 'listening');
    const bound = server.address();
    const port = typeof bound === 'object' && bound ? bound.port : 0;
    const ports = createPortAllocator({
      address,
      random: seededRandom(),
      range: { first: port, last: port },
    });
    const problem = await ports.reserve('web-0', ['http']).catch((error: Error) => error.message);
    expect(problem).to.match(/^no free port/);
    server.close();
    await once(server, 'close');
    expect(await ports.reserve('web-0', ['http'])).to.deep.equal([{ name: 'http', port }]);
  });

  it('stays out of the range of outgoing connections', () => {
    expect(rangeOutside({ first: 32_768, last: 60_999 })).to.deep.equal({ first: 20_000, last: 32_767 });
    expect(rangeOutside({ first: 24_000, last: 60_999 })).to.deep.equal({ first: 20_000, last: 23_999 });
    expect(rangeOutside({ first: 1_024, last: 60_999 })).to.deep.equal({ first: 61_000, last: 65_535 });
    expect(rangeOutside({ first: 1_024, last: 65_535 })).to.deep.equal({ first: 20_000, last: 32_767 });
  });
});
