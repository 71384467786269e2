/** What of a watch only shows on the wire: frames, ends, slow readers. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'chai';
import { readFrames } from '../../../api/client/frames.ts';
import { brokenBy } from './failure.ts';
import { ADMIN_TOKEN, type HttpWorld, startHttpWorld } from './http-world.ts';
import { controller, event } from './world.ts';

const BASE = '/apis/mill.dev/v1alpha1';

interface Frame {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at frames field by field
  readonly object: any;
}

describe('watches on the wire', () => {
  let world: HttpWorld;
  beforeEach(async () => {
    world = await startHttpWorld();
  });
  afterEach(() => world.close());

  /** Opens a watch and gives its frames one by one. */
  async function open(query: string, headers: Record<string, string> = {}) {
    const request = httpRequest({
      port: world.port,
      path: `${BASE}/events?watch=true&${query}`,
      agent: false,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
    });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const frames = readFrames(response as AsyncIterable<Buffer>);
    return {
      response,
      next: async () => (await frames.next()).value as Frame | undefined,
      close: () => request.destroy(),
    };
  }

  it('are JSON, a line an event', async () => {
    await world.service.create(controller, 'Event', event('e1'));
    const { response, next, close } = await open('resourceVersion=0');
    expect(response.headers['content-type']).to.equal('application/json');
    const frame = await next();
    expect(frame?.type).to.equal('ADDED');
    expect(frame?.object).to.deep.equal(world.store.state.get('Event', 'e1'));
    close();
  });

  it('mark the end of the initial events', async () => {
    await world.service.create(controller, 'Event', event('e1'));
    const { next, close } = await open(
      'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
    );
    expect((await next())?.type).to.equal('ADDED');
    const bookmark = await next();
    expect(bookmark?.type).to.equal('BOOKMARK');
    expect(bookmark?.object.metadata).to.deep.equal({
      resourceVersion: String(world.store.state.revision),
      annotations: { 'k8s.io/initial-events-end': 'true' },
    });
    close();
  });

  it('show tables', async () => {
    await world.service.create(controller, 'Event', event('e1'));
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const { next, close } = await open('', { accept });
    const frame = await next();
    expect(frame?.object.kind).to.equal('Table');
    expect(frame?.object.rows[0].cells[0]).to.equal('e1');
    close();
  });

  it('end when their time is over, with a last bookmark', async () => {
    const { next } = await open('resourceVersion=1&timeoutSeconds=30&allowWatchBookmarks=true');
    await world.service.create(controller, 'Event', event('e1', { labels: { app: 'web' } }));
    world.clock.advance(30_000);
    const types = [];
    for (let frame = await next(); frame; frame = await next()) types.push(frame.type);
    expect(types[0]).to.equal('ADDED');
    expect(types.at(-1)).to.equal('BOOKMARK');
    expect(world.store.subscribers).to.equal(0);
  });

  it('that cannot begin are refused with a Status', async () => {
    await world.service.create(controller, 'Event', event('e1'));
    world.store.compact();
    const { code, json } = await world.send('GET', `${BASE}/events?watch=1&resourceVersion=1`);
    expect(code).to.equal(410);
    expect(json.reason).to.equal('Expired');
    expect((await world.send('GET', `${BASE}/events?watch=maybe`)).code).to.equal(400);
  });

  it('are cut where the client does not read', async () => {
    const path = `GET ${BASE}/events?watch=true&resourceVersion=1 HTTP/1.1\r\n`;
    const socket = connect(world.port, '127.0.0.1');
    socket.write(`${path}Host: localhost\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`);
    await once(socket, 'data');
    socket.pause();
    const closed = once(socket, 'close');
    const made = await world.service.create(controller, 'Event', event('e1'));
    const large = { ...made.metadata, annotations: { text: 'x'.repeat(250_000) } };
    // The socket's buffers fill first; then the events that wait are counted.
    const fill = Array.from(
      { length: 100 },
      () => ({ type: 'put', object: { ...made, metadata: large } }) as const,
    );
    await world.store.commit(controller, () => ({ writes: fill, result: undefined }));
    const writes = Array.from({ length: 2_000 }, () => ({ type: 'put', object: made }) as const);
    for (let turn = 0; world.store.subscribers > 0; turn += 1) {
      expect(turn).to.be.lessThan(10);
      await world.store.commit(controller, () => ({ writes, result: undefined }));
    }
    socket.resume();
    await closed;
  });

  it('end when the server closes', async () => {
    const { next, close } = await open('resourceVersion=1');
    const ended = next();
    await world.server.close();
    expect(await ended).to.equal(undefined);
    close();
  });

  it('break for the client that loses its server', async () => {
    const watch = world.client().watch('Event', { resourceVersion: '0' })[Symbol.asyncIterator]();
    await world.service.create(controller, 'Event', event('e1'));
    expect((await watch.next()).value).to.have.property('type', 'ADDED');
    const next = watch.next();
    await world.server.close();
    const { message } = await brokenBy(() => next);
    expect(message).to.match(/^the watch of Event ended: /);
    const refused = await brokenBy(() => world.client().get('Node', 'n1'));
    expect(refused.message).to.equal(`the server at ${world.url} cannot be reached: nothing listens there`);
  });
});

describe('frames', () => {
  const read = async (...chunks: string[]) => {
    const values: unknown[] = [];
    const source = (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk);
    })();
    for await (const value of readFrames(source)) values.push(value);
    return values;
  };

  it('are put together from pieces', async () => {
    expect(await read('{"a":', '1}\n{"b":2}\n\n[', '3', ']\n')).to.deep.equal([{ a: 1 }, { b: 2 }, [3]]);
    expect(await read('{"a":1}\n{"cut')).to.deep.equal([{ a: 1 }]);
  });

  it('that are none break the connection', async () => {
    await brokenBy(() => read('nonsense\n'));
    await brokenBy(() => read(...Array(9).fill('x'.repeat(1_048_576))));
  });
});
