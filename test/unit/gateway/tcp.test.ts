import { once } from 'node:events';
import { expect } from 'chai';
import { SILENCE_MS } from '../../../runtime/gateway/detect.ts';
import { DEFAULT_HOLD_MS } from '../../../runtime/gateway/hold.ts';
import {
  closeEverything,
  deadBackend,
  gate,
  httpBackend,
  ManualClock,
  ServedService,
  type TestBackend,
  tcpBackend,
} from './fixture.ts';

const echo = (alloc: string): Promise<TestBackend> => tcpBackend(alloc, (socket) => socket.pipe(socket));
const greeter = (alloc: string): Promise<TestBackend> =>
  tcpBackend(alloc, (socket) => {
    socket.write(`I am ${alloc}\n`);
    socket.pipe(socket);
  });

describe('the gateway and TCP', () => {
  afterEach(closeEverything);

  for (const protocol of ['tcp', 'auto'] as const) {
    describe(`with protocol ${protocol}`, () => {
      it('finishes each direction on its own', async () => {
        const backend = await tcpBackend('a', (socket) => {
          let text = '';
          socket.on('data', (chunk) => {
            text += chunk;
          });
          socket.on('end', () => socket.end(`got ${text}`));
        });
        const web = await ServedService.start(protocol, [backend]);
        const client = web.connect().send('*all of it');
        client.socket.end();
        expect(await client.rest()).to.equal('got *all of it');
        expect(web.gateway.metrics().web).to.deep.equal({ requests: 0, connections: 1, failures: 0 });
      });

      it('lets a server speak first', async () => {
        const web = await ServedService.start(protocol, [await greeter('a')]);
        const client = web.connect();
        await client.expect('I am a\n');
        await client.send('GET / HTTP/1.1\r\n\r\n').expect('GET / HTTP/1.1');
      });

      it('tries another backend when one refuses', async () => {
        const web = await ServedService.start(protocol, [await deadBackend('dead'), await echo('alive')]);
        await web.connect().send('*1').expect('*1');
        await web.connect().send('*2').expect('*2');
        expect(web.failures).to.equal(0);
      });

      it('resets the client when every backend refuses', async () => {
        const web = await ServedService.start(protocol, [await deadBackend('dead')]);
        await web.connect().send('*').closed();
        expect(web.failures).to.equal(1);
      });

      it('holds a connection until a backend appears', async () => {
        const clock = new ManualClock();
        const web = await ServedService.start(protocol, [], clock);
        const client = web.connect().send('*hello');
        await clock.scheduled(DEFAULT_HOLD_MS);
        web.route(await echo('late'));
        await client.expect('*hello');
      });

      it('leaves a connection where it is until it ends', async () => {
        const old = await echo('old');
        const web = await ServedService.start(protocol, [old]);
        const client = web.connect().send('*1');
        await client.expect('*1');
        web.route(await greeter('new'));
        expect(web.gateway.draining()).to.deep.equal(['old']);
        await client.send('*2').expect('*1*2');
        client.socket.end();
        await web.drained();
        expect(await client.rest()).to.equal('*1*2');
      });

      it('cuts a connection after the drain timeout, as one that broke', async () => {
        const clock = new ManualClock();
        const web = await ServedService.start(protocol, [await echo('old')], clock);
        const client = web.connect().send('*1');
        await client.expect('*1');
        web.route();
        const broke = once(client.socket, 'error');
        clock.advance(30_000);
        expect((await broke)[0]).to.have.property('code', 'ECONNRESET');
        await web.drained();
      });

      it('moves a connection on which nothing was said off a backend that leaves', async () => {
        const accepted = gate();
        const old = await tcpBackend('old', () => accepted.open());
        const web = await ServedService.start(protocol, [old]);
        const client = web.connect();
        await accepted.opened;
        web.route(await greeter('new'));
        expect(web.gateway.draining()).to.deep.equal([]);
        await client.expect('I am new\n');
        await client.send('hi').expect('hi');
      });
    });
  }

  it('passes much data with backpressure', async () => {
    const size = 32 * 1024 * 1024;
    const web = await ServedService.start('tcp', [await echo('a')]);
    const client = web.connect();
    client.socket.end(Buffer.alloc(size, 'mill'));
    expect((await client.rest()).length).to.equal(size);
  });

  it('gives a connection to the backend with the fewest', async () => {
    const [a, b] = [await greeter('a'), await greeter('b')];
    const web = await ServedService.start('tcp', [a, b]);
    for (let count = 0; count < 6; count += 1) await web.connect().expect('I am');
    expect([a.seen.count, b.seen.count]).to.deep.equal([3, 3]);
  });

  it('resets the backend when the client resets', async () => {
    const broke = gate();
    const backend = await tcpBackend('a', (socket) => {
      socket.pipe(socket);
      socket.on('error', broke.open);
    });
    const web = await ServedService.start('tcp', [backend]);
    const client = web.connect().send('x');
    await client.expect('x');
    client.socket.resetAndDestroy();
    await broke.opened;
  });

  it('tells HTTP that comes in pieces from its first line', async () => {
    const web = await ServedService.start('auto', [await httpBackend('a')]);
    const client = web.connect();
    for (const letter of 'GET / HT') {
      client.send(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.send('TP/1.1\r\nHost: x\r\n\r\n');
    await client.expect('200 OK');
    expect(web.gateway.metrics().web).to.include({ requests: 1, connections: 0 });
  });

  it('switches a silent connection to HTTP when that is what its first bytes are', async () => {
    const clock = new ManualClock();
    const accepted = gate();
    const silent = await tcpBackend('silent', (socket) => {
      accepted.open();
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    });
    const web = await ServedService.start('auto', [silent], clock);
    const client = web.connect();
    await clock.scheduled(SILENCE_MS);
    clock.advance(SILENCE_MS);
    await accepted.opened;
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.expect('ok');
    expect(web.gateway.metrics().web).to.deep.equal({ requests: 1, connections: 0, failures: 0 });
  });

  it('takes a client for HTTP that speaks only while it is held', async () => {
    const clock = new ManualClock();
    const web = await ServedService.start('auto', [], clock);
    const client = web.connect();
    await clock.scheduled(SILENCE_MS);
    clock.advance(SILENCE_MS);
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    while (web.gateway.metrics().web?.requests === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(DEFAULT_HOLD_MS);
    await client.expect('HTTP/1.1 503 ');
    expect(web.gateway.metrics().web).to.deep.equal({ requests: 1, connections: 0, failures: 1 });
  });

  it('does not connect a silent client to backends that are known to speak HTTP', async () => {
    const clock = new ManualClock();
    const backend = await httpBackend('a');
    const web = await ServedService.start('auto', [backend], clock);
    await web.fetch();
    const client = web.connect();
    await clock.scheduled(SILENCE_MS);
    clock.advance(SILENCE_MS);
    web.route();
    expect(web.gateway.draining()).to.deep.equal([]);
    web.route(backend);
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.expect('200 OK');
  });

  it('survives resets at any time', async () => {
    const web = await ServedService.start('auto', [await echo('a')]);
    for (const text of ['', 'G', '*x', '\x00'.repeat(1_000)]) {
      const client = web.connect();
      await once(client.socket, 'connect');
      client.send(text).socket.resetAndDestroy();
      await client.closed();
    }
    await web.connect().send('*alive').expect('*alive');
  });
});
