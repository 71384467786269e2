import { once } from 'node:events';
import type http from 'node:http';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { DEFAULT_HOLD_MS, MAX_HELD_PER_PORT } from '../../../runtime/gateway/hold.ts';
import {
  closeEverything,
  deadBackend,
  gate,
  httpBackend,
  keepAliveAgent,
  ManualClock,
  RawClient,
  ServedService,
  tcpBackend,
} from './fixture.ts';

describe('the gateway and HTTP', () => {
  afterEach(closeEverything);

  for (const protocol of ['http', 'auto'] as const) {
    describe(`with protocol ${protocol}`, () => {
      it('forwards a request and its answer', async () => {
        const backend = await httpBackend('a', (request, response) => {
          response.writeHead(201, 'Made', { 'X-Seen': String(request.headers['x-forwarded-for']) });
          request.pipe(response);
        });
        const web = await ServedService.start(protocol, [backend]);
        const answer = await web.fetch({
          method: 'POST',
          body: 'hello',
          headers: { 'X-Forwarded-For': '10.0.0.1' },
        });
        expect(answer).to.include({ status: 201, body: 'hello' });
        expect(answer.headers['x-seen']).to.equal('10.0.0.1, 127.0.0.1');
        expect(web.gateway.metrics()).to.deep.equal({ web: { requests: 1, connections: 0, failures: 0 } });
      });

      it('loses no request while all backends are replaced one after the other', async () => {
        const before = await Promise.all(['a', 'b', 'c'].map((alloc) => httpBackend(alloc)));
        const web = await ServedService.start(protocol, before);
        const kept = keepAliveAgent(4);
        const answers = new Map<string, number>();
        const client = async (count: number, options: http.RequestOptions) => {
          for (let sent = 0; sent < count; sent += 1) {
            const { status, body } = await web.fetch(options);
            answers.set(`${status} ${body}`, (answers.get(`${status} ${body}`) ?? 0) + 1);
          }
        };
        const clients = [
          ...[1, 2, 3, 4].map(() => client(500, { agent: kept })),
          ...[1, 2].map(() => client(150, {})),
        ];
        let now = before;
        for (const old of before) {
          const replacement = await httpBackend(`${old.alloc}2`);
          await web.fetch();
          now = [...now.filter((backend) => backend !== old), replacement];
          web.route(...now);
          await web.drained();
          old.exit();
          await web.fetch();
        }
        await Promise.all(clients);
        expect([...answers.keys()].filter((answer) => !/^200 [abc]2?$/.test(answer))).to.deep.equal([]);
        expect([...answers.values()].reduce((sum, count) => sum + count, 0)).to.equal(2_300);
        expect([...answers.keys()]).to.include.members(['200 a2', '200 b2', '200 c2']);
        expect(web.failures).to.equal(0);
      });
    });
  }

  it('lets a request in flight finish after its backend was unrouted, and sends the next one elsewhere', async () => {
    const arrived = gate();
    const finish = gate();
    const slow = await httpBackend('slow', async (_request, response) => {
      response.write('half ');
      arrived.open();
      await finish.opened;
      response.end('whole');
    });
    const web = await ServedService.start('http', [slow]);
    const agent = keepAliveAgent(1);
    const answer = web.fetch({ agent });
    await arrived.opened;
    web.route(await httpBackend('other'));
    expect(web.gateway.draining()).to.deep.equal(['slow']);
    finish.open();
    expect((await answer).body).to.equal('half whole');
    await web.drained();
    expect((await web.fetch({ agent })).body).to.equal('other');
    expect(slow.seen.count).to.equal(1);
  });

  it('no longer counts a backend as draining that is routed again', async () => {
    const finish = gate();
    const arrived = gate();
    const backend = await httpBackend('a', async (_request, response) => {
      arrived.open();
      await finish.opened;
      response.end('ok');
    });
    const clock = new ManualClock();
    const web = await ServedService.start('http', [backend], clock);
    const answer = web.fetch();
    await arrived.opened;
    web.route();
    expect(web.gateway.draining()).to.deep.equal(['a']);
    web.route(backend);
    expect(web.gateway.draining()).to.deep.equal([]);
    clock.advance(60_000);
    finish.open();
    expect((await answer).body).to.equal('ok');
  });

  it('cuts what is left on a backend after the drain timeout', async () => {
    const clock = new ManualClock();
    const arrived = gate();
    const stuck = await httpBackend('stuck', () => arrived.open());
    const web = await ServedService.start('http', [stuck], clock);
    const answer = web.fetch();
    await arrived.opened;
    web.route();
    clock.advance(29_999);
    expect(web.gateway.draining()).to.deep.equal(['stuck']);
    clock.advance(1);
    expect((await answer).status).to.equal(502);
    await web.drained();
    expect(web.failures).to.equal(1);
  });

  it('holds requests until a backend appears', async () => {
    const clock = new ManualClock();
    const web = await ServedService.start('http', [], clock);
    const answers = [web.fetch(), web.fetch({ method: 'POST', body: 'x' })];
    await clock.scheduled(DEFAULT_HOLD_MS);
    web.route(await httpBackend('late'));
    expect((await Promise.all(answers)).map((answer) => answer.body)).to.deep.equal(['late', 'late']);
    expect(web.failures).to.equal(0);
  });

  it('answers 503 with Retry-After when no backend appears in time', async () => {
    const clock = new ManualClock();
    const web = await ServedService.start('http', [], clock);
    const answer = web.fetch();
    await clock.scheduled(DEFAULT_HOLD_MS);
    clock.advance(DEFAULT_HOLD_MS);
    expect(await answer).to.include({ status: 503, body: 'service web has no backend\n' });
    expect((await answer).headers['retry-after']).to.match(/^\d+$/);
  });

  it('answers 503 at once when too many requests wait already', async () => {
    const clock = new ManualClock();
    const web = await ServedService.start('http', [], clock);
    web.connect().send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(MAX_HELD_PER_PORT));
    await clock.scheduled(DEFAULT_HOLD_MS, MAX_HELD_PER_PORT);
    const { status, body } = await web.fetch();
    expect(status).to.equal(503);
    expect(body).to.match(/too many requests wait/);
  });

  it('tries another backend when one refuses', async () => {
    const alive = await httpBackend('alive', (request, response) => request.pipe(response));
    const web = await ServedService.start('http', [await deadBackend('dead'), alive]);
    for (const body of ['one', 'two', 'x'.repeat(300_000)]) {
      expect(await web.fetch({ method: 'POST', body })).to.include({ status: 200, body });
    }
    expect(web.failures).to.equal(0);
  });

  it('answers 502 when every backend refuses', async () => {
    const web = await ServedService.start('http', [await deadBackend('a'), await deadBackend('b')]);
    expect(await web.fetch()).to.include({ status: 502, body: 'service web: no backend can be reached\n' });
  });

  it('does not send a POST again that has reached a backend', async () => {
    const rude = await tcpBackend('rude', (socket) => socket.once('data', () => socket.resetAndDestroy()));
    const other = await httpBackend('other');
    const web = await ServedService.start('http', [rude, other]);
    const answers = [
      await web.fetch({ method: 'POST', body: 'x' }),
      await web.fetch({ method: 'POST', body: 'x' }),
    ];
    expect(answers.map((answer) => answer.status).sort()).to.deep.equal([200, 502]);
    expect([rude.seen.count, other.seen.count]).to.deep.equal([1, 1]);
  });

  it('sends an idempotent request again whose idle connection was closed by the backend', async () => {
    let served = 0;
    const closing = await tcpBackend('closing', (socket) => {
      socket.on('data', () => {
        served += 1;
        if (served === 2) socket.resetAndDestroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    const web = await ServedService.start('http', [closing]);
    expect((await web.fetch()).body).to.equal('ok');
    expect((await web.fetch({ method: 'PUT', body: 'again' })).body).to.equal('ok');
    expect(served).to.be.at.least(3);
  });

  it('gives the next request to the backend with the fewest outstanding', async () => {
    const arrived = gate();
    const finish = gate();
    const busy = await httpBackend('busy', async (_request, response) => {
      arrived.open();
      await finish.opened;
      response.end('busy');
    });
    const web = await ServedService.start('http', [busy]);
    const first = web.fetch();
    await arrived.opened;
    web.route(busy, await httpBackend('idle'));
    for (let sent = 0; sent < 5; sent += 1) expect((await web.fetch()).body).to.equal('idle');
    finish.open();
    await first;
  });

  it('ends the request to the backend when the client goes away', async () => {
    const arrived = gate();
    const aborted = gate();
    const backend = await httpBackend('a', (_request, response) => {
      response.once('close', aborted.open);
      arrived.open();
    });
    const web = await ServedService.start('http', [backend]);
    const client = web.connect().send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await arrived.opened;
    web.route();
    client.socket.destroy();
    await aborted.opened;
    await web.drained();
  });

  it('breaks the connection when the backend breaks off in the middle of an answer', async () => {
    const backend = await httpBackend('a', (_request, response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('part', () => response.destroy());
    });
    const web = await ServedService.start('http', [backend]);
    const error = await web.fetch().then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).to.be.an('error');
    expect(web.failures).to.equal(1);
  });

  it('passes big bodies both ways without gathering them', async () => {
    const size = 24 * 1024 * 1024;
    const web = await ServedService.start('http', [
      await httpBackend('echo', (request, response) => request.pipe(response)),
    ]);
    const body = Buffer.alloc(size, 'mill');
    expect((await web.fetch({ method: 'PUT', body })).body.length).to.equal(size);
  });

  it('stops reading from a client whose backend does not read', async () => {
    const deaf = await httpBackend('deaf', (request, response) => {
      if (request.method === 'GET') response.end('here');
    });
    const web = await ServedService.start('http', [deaf]);
    const size = 1024 * 1024 * 1024;
    let sent = 0;
    const endless = new Readable({
      read(wanted) {
        sent += wanted;
        this.push(Buffer.alloc(wanted));
      },
    });
    const { socket } = web.connect().send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
    endless.pipe(socket);
    let before = -1;
    while (before !== sent) {
      before = sent;
      for (let round = 0; round < 20; round += 1) await web.fetch();
    }
    // What loopback sockets and streams on the way may hold.
    expect(sent).to.be.lessThan(size / 16);
    endless.destroy();
  });

  it('keeps header order, case and repeats, and drops what is for one hop', async () => {
    const backend = await httpBackend('a', (request, response) => {
      response.writeHead(200, [
        'Set-Cookie',
        'a=1',
        'X-b',
        '2',
        'set-cookie',
        'c=3',
        'Keep-Alive',
        'timeout=1',
      ]);
      response.end(request.rawHeaders.join('|'));
    });
    const web = await ServedService.start('http', [backend]);
    const client = web.connect();
    client.send(
      'GET / HTTP/1.1\r\nhOST: x\r\nX-Hop: 1\r\nB: 2\r\nb: 3\r\nConnection: close, X-Hop\r\nTE: trailers\r\n\r\n',
    );
    const answer = await client.rest();
    expect(answer).to.match(/Set-Cookie: a=1\r\nX-b: 2\r\nset-cookie: c=3\r\n/);
    expect(answer).to.not.include('timeout=1');
    expect(answer).to.include(
      'hOST|x|B|2|b|3|X-Forwarded-For|127.0.0.1|TE|trailers|Connection|keep-alive, TE',
    );
  });

  it('passes trailers both ways', async () => {
    const backend = await httpBackend('a', (request, response) => {
      response.writeHead(200, { Trailer: 'X-Sum' });
      request.on('data', (chunk) => response.write(chunk));
      request.on('end', () => {
        response.addTrailers({ 'X-Sum': String(request.trailers['x-client']) });
        response.end();
      });
    });
    const web = await ServedService.start('http', [backend]);
    const client = web.connect();
    client.send(
      'POST / HTTP/1.1\r\nHost: x\r\nTrailer: X-Client\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
    );
    client.send('3\r\nabc\r\n0\r\nX-Client: 42\r\n\r\n');
    expect(await client.rest()).to.match(/3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n$/);
  });

  it('answers HEAD without a body, and HTTP/1.0 without chunks', async () => {
    const backend = await httpBackend('a', (request, response) => {
      response.writeHead(200, request.method === 'HEAD' ? {} : { Trailer: 'X-Sum' });
      response.write('some ');
      response.end('text');
    });
    const web = await ServedService.start('auto', [backend]);
    expect(await web.fetch({ method: 'HEAD' })).to.include({ status: 200, body: '' });
    const old = await web.connect().send('GET / HTTP/1.0\r\n\r\n').rest();
    expect(old)
      .to.match(/\r\n\r\nsome text$/)
      .and.not.match(/chunked|Trailer/i);
  });

  it('asks the backend before it lets a client with Expect send its body', async () => {
    const backend = await httpBackend('a', (request, response) => request.pipe(response));
    const web = await ServedService.start('http', [backend]);
    const client = web.connect();
    client.send(
      'PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n',
    );
    await client.expect('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('body');
    expect(await client.rest()).to.match(/200 OK[\s\S]*body/);
  });

  it('passes early hints', async () => {
    const backend = await httpBackend('a', (_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' });
      response.end('page');
    });
    const web = await ServedService.start('http', [backend]);
    const answer = await web.connect().send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n').rest();
    expect(answer).to.match(/^HTTP\/1.1 103 [\s\S]*a\.css[\s\S]*HTTP\/1.1 200 OK[\s\S]*page$/);
  });

  it('passes an answer that comes before the whole request was read, and keeps the connection', async () => {
    const backend = await httpBackend('a', (request, response) => {
      if (request.method === 'POST') response.writeHead(413).end('too big');
      else response.end('next');
    });
    const web = await ServedService.start('http', [backend]);
    const client = web.connect().send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf');
    await client.expect('too big');
    client.send('rest').send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.expect('next');
  });

  it('splices after an upgrade, and counts it as in flight until it ends', async () => {
    const backend = await httpBackend('a');
    const web = await ServedService.start('auto', [backend]);
    const client = web.connect();
    client.send('GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst');
    await client.expect('101 Switching Protocols');
    await client.expect('first');
    web.route();
    expect(web.gateway.draining()).to.deep.equal(['a']);
    client.send(' second');
    await client.expect(' second');
    client.socket.end();
    await web.drained();
    expect(web.failures).to.equal(0);
  });

  it('passes the answer of a backend that does not upgrade', async () => {
    const plain = await tcpBackend('plain', (socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n'),
      );
    });
    const web = await ServedService.start('http', [await deadBackend('dead'), plain]);
    const client = web.connect();
    client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect(await client.rest()).to.match(/^HTTP\/1.1 403 No\r\n[\s\S]*\r\n\r\nno$/);
  });

  it('survives garbage, huge heads and resets', async () => {
    const web = await ServedService.start('http', [await httpBackend('a')]);
    expect(await web.connect().send('\x00\xff\x16garbage\r\n\r\n').rest()).to.match(/^HTTP\/1.1 400 /);
    const huge = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(80_000)}\r\n\r\n`;
    expect(await web.connect().send(huge).rest()).to.match(/^(HTTP\/1.1 431 |$)/);
    for (const text of ['', 'GET', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc']) {
      const client = new RawClient(web.gatewayPort);
      await once(client.socket, 'connect');
      client.send(text).socket.resetAndDestroy();
      await client.closed();
    }
    expect((await web.fetch()).body).to.equal('a');
  });

  it('answers 502 to garbage from a backend', async () => {
    const web = await ServedService.start('http', [
      await tcpBackend('garbage', (socket) => socket.once('data', () => socket.end('\x00what?\r\n\r\n'))),
    ]);
    expect((await web.fetch()).status).to.equal(502);
  });
});
