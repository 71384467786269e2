/** What only shows on the wire: frames, ends, slow readers, logs, TLS, closing. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConnectionError } from '../../../api/client/client.ts';
import { readFrames } from '../../../api/client/frames.ts';
import { createHttpClient } from '../../../api/client/http.ts';
import { systemClock } from '../../../api/clock.ts';
import { loadCertificates } from '../../../api/server/tls.ts';
import { refusal } from './failure.ts';
import { ADMIN_TOKEN, CONTROLLER_TOKEN, type HttpWorld, startHttpWorld } from './http-world.ts';
import { admin, alloc, controller, event, node } from './world.ts';

const BASE = '/apis/mill.dev/v1alpha1';

async function brokenBy(act: () => unknown): Promise<ConnectionError> {
  try {
    await act();
  } catch (error) {
    expect(error).to.be.instanceOf(ConnectionError);
    return error as ConnectionError;
  }
  throw new Error('the connection held');
}

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

describe('the HTTP client', () => {
  let world: HttpWorld;
  before(async () => {
    world = await startHttpWorld();
    await world.service.create(admin, 'Node', node('n1'));
  });
  after(() => world.close());

  it('gets tables, and watches them', async () => {
    const client = world.client();
    const table = await client.getTable('Node', undefined, { includeObject: 'Object' });
    expect(table.rows[0]?.cells[0]).to.equal('n1');
    expect((await client.getTable('Node', 'n1')).rows).to.have.length(1);
    for await (const { type, table: frame } of client.watchTable('Node', { resourceVersion: '0' })) {
      expect(type).to.equal('ADDED');
      expect(frame.rows[0]?.cells[0]).to.equal('n1');
      break;
    }
  });

  it('registers a machine, and acts for it', async () => {
    const { node: joined, token } = await world.client().register('n2', { labels: { zone: 'b' } });
    expect(joined.metadata.labels).to.deep.equal({ zone: 'b' });
    const agent = world.client(token);
    await refusal('Forbidden', () => agent.patch('Node', 'n2', { spec: { drain: true } }));
    await refusal('Unauthorized', () => world.client('wrong').list('Node'));
  });

  it('asks for anything else', async () => {
    expect(await world.client().request('GET', '/version')).to.include({ gitVersion: 'v1.2.3' });
  });

  it('knows what is no mill server', async () => {
    const secure = createHttpClient({ server: world.url.replace('http:', 'https:'), token: ADMIN_TOKEN });
    await brokenBy(() => secure.get('Node', 'n1'));
    secure.close();
    expect(() => createHttpClient({ server: 'nonsense' })).to.throw(TypeError);
  });

  it('gives up with its signal', async () => {
    const stop = new AbortController();
    stop.abort();
    const client = createHttpClient({ server: world.url, token: ADMIN_TOKEN, signal: stop.signal });
    await brokenBy(() => client.get('Node', 'n1'));
  });
});

describe('logs over HTTP', () => {
  let world: HttpWorld;
  let agent: AbortController;
  beforeEach(async () => {
    world = await startHttpWorld();
    await world.service.create(controller, 'Alloc', alloc('a1', 'n1'));
    agent = new AbortController();
  });
  afterEach(async () => {
    agent.abort();
    await world.close();
  });

  async function textOf(log: AsyncIterable<Uint8Array>): Promise<string> {
    let text = '';
    for await (const chunk of log) text += Buffer.from(chunk).toString();
    return text;
  }

  /** Has an agent of `n1` answer over HTTP; resolves when the server knows of it. */
  async function serve(
    handler: (alloc: string, signal: AbortSignal) => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { token } = await world.service.registerNode(admin, 'n1', {});
    const attached = new Promise<void>((resolve) => {
      const attach = world.logs.attach.bind(world.logs);
      world.logs.attach = (...parameters) => {
        attach(...parameters);
        resolve();
      };
    });
    const served = world
      .client(token)
      .serveLogs('n1', (name, { signal }) => handler(name, signal), agent.signal);
    await Promise.race([attached, served]);
  }

  it('come from an agent of the same process', async () => {
    world.logs.serve('n1', async function* (name, { tailLines }) {
      yield Buffer.from(`${name} ${tailLines}`);
    });
    expect(await textOf(world.client().logs('a1', { tailLines: 3 }))).to.equal('a1 3');
  });

  it('come from an agent elsewhere, however long they are', async () => {
    const line = Buffer.from(`${'x'.repeat(65_535)}\n`);
    await serve(async function* () {
      for (let count = 0; count < 64; count += 1) yield line;
    });
    expect((await textOf(world.client().logs('a1'))).length).to.equal(64 * 65_536);
  });

  it('say why there are none', async () => {
    const client = world.client();
    const { message } = await refusal('ServiceUnavailable', () => textOf(client.logs('a1')));
    expect(message).to.equal('the agent of node "n1" is not connected: its logs cannot be read now');
    await refusal('NotFound', () => textOf(client.logs('a9')));
    world.logs.serve('n1', async function* () {
      yield* [];
      throw new Error('disk on fire');
    });
    const burnt = await refusal('ServiceUnavailable', () => textOf(client.logs('a1')));
    expect(burnt.message).to.equal('the log cannot be read: disk on fire');
    await refusal('NotFound', () =>
      client.request('POST', `${BASE}/nodes/n1/logrequests/none`, { body: {} }),
    );
  });

  it('are followed from an agent that has nothing to say yet', async () => {
    let say: () => void = () => {};
    const said = new Promise<void>((resolve) => {
      say = resolve;
    });
    await serve(async function* () {
      await said;
      yield Buffer.from('at last');
    });
    const answer = world.logs.answer.bind(world.logs);
    world.logs.answer = (...parameters) => {
      // The answer has begun without a word.
      say();
      return answer(...parameters);
    };
    expect(await textOf(world.client().logs('a1', { follow: true }))).to.equal('at last');
  });

  it('are followed until the client has enough', async () => {
    let stopped: () => void = () => {};
    const agentStopped = new Promise<void>((resolve) => {
      stopped = resolve;
    });
    await serve(async function* (_name, signal) {
      yield Buffer.from('first');
      await once(signal, 'abort');
      stopped();
    });
    const client = world.client();
    const stop = new AbortController();
    for await (const chunk of client.logs('a1', { follow: true, signal: stop.signal })) {
      expect(chunk.toString()).to.equal('first');
      stop.abort();
    }
    await agentStopped;
  });
});

describe('TLS', () => {
  it('goes from the certificates that the server made to the client that trusts them', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'mill-https-'));
    const tls = await loadCertificates({ dir, clock: systemClock });
    const world = await startHttpWorld({ tls });
    try {
      expect(world.url).to.match(/^https:/);
      const client = world.client(CONTROLLER_TOKEN);
      await client.create(event('e1'));
      for await (const told of client.watch('Event', { resourceVersion: '0' })) {
        expect(told.type).to.equal('ADDED');
        break;
      }
      const stranger = createHttpClient({ server: world.url, token: CONTROLLER_TOKEN });
      const { message } = await brokenBy(() => stranger.get('Event', 'e1'));
      expect(message).to.include('not of an authority that is trusted here');
      const plain = createHttpClient({
        server: world.url.replace('https:', 'http:'),
        token: CONTROLLER_TOKEN,
      });
      await brokenBy(() => plain.get('Event', 'e1'));
    } finally {
      await world.close();
      await rm(dir, { recursive: true });
    }
  });
});
