/** What the API says about the store behind it: cut off, stale, and how new a read is. */
import { expect } from 'chai';
import { ApiError } from '../../../api/errors.ts';
import { refusal } from './failure.ts';
import { type HttpWorld, startHttpWorld } from './http-world.ts';
import { admin, alloc, controller, event, node, service } from './world.ts';

const BASE = '/apis/mill.dev/v1alpha1';
const REASON = 'no quorum: 1 of 3 NATS servers is reached';
const SINCE = '2024-05-01T00:00:00.000Z';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

describe('a server that cannot commit', () => {
  let world: HttpWorld;
  beforeEach(async () => {
    world = await startHttpWorld();
    await world.service.create(admin, 'Node', node('n1'));
    world.store.health = { unwritable: REASON };
  });
  afterEach(() => world.close());

  it('is not ready, and says why; it lives', async () => {
    const { code, text } = await world.send('GET', '/readyz', { token: '' });
    expect([code, text]).to.deep.equal([503, REASON]);
    expect((await world.send('GET', '/livez', { token: '' })).code).to.equal(200);
    world.store.health = {};
    expect((await world.send('GET', '/readyz', { token: '' })).code).to.equal(200);
  });

  it('refuses every write before it begins, and says when to come again', async () => {
    const before = world.store.commits;
    const writes = [
      ['POST', 'nodes'],
      ['PUT', 'nodes/n1'],
      ['PATCH', 'nodes/n1/status'],
      ['DELETE', 'nodes/n1'],
      ['PUT', 'services/web/scale'],
      ['POST', 'nodes/n2/register'],
    ] as const;
    for (const [method, path] of writes) {
      const { code, headers, json } = await world.send(method, `${BASE}/${path}`, { body: '{}' });
      expect([code, json.reason, json.message], path).to.deep.equal([503, 'ServiceUnavailable', REASON]);
      expect(headers['retry-after']).to.equal('1');
      expect(json.details.retryAfterSeconds).to.equal(1);
      expect(json.details.causes[0].reason).to.equal('NothingDone');
    }
    expect(world.store.commits).to.equal(before);
  });

  it('leaves heartbeats to the store, which keeps them elsewhere', async () => {
    const spec = { holder: 'gateway', renewTime: SINCE, durationMs: 1_000, appliedRevision: 1, session: 's' };
    const { code, text } = await world.send('POST', `${BASE}/leases`, {
      body: JSON.stringify({ kind: 'Lease', metadata: { name: 'gateway-1' }, spec }),
    });
    expect(code, text).to.equal(201);
  });

  it('reads on, and hands logs on', async () => {
    expect((await world.send('GET', `${BASE}/nodes/n1`)).code).to.equal(200);
    // Nobody waits for this answer; what is refused is that, and not the store.
    const answer = await world.send('POST', `${BASE}/nodes/n1/logrequests/none`, { body: '' });
    expect(answer.code).to.equal(404);
  });

  it('does not claim that nothing was done of a commit that failed by itself', async () => {
    world.store.health = {};
    world.store.failNext = new ApiError('ServiceUnavailable', 'no answer', { retryAfterSeconds: 3 });
    const { headers, json } = await world.send('PATCH', `${BASE}/nodes/n1`, {
      body: '{"spec":{"unschedulable":true}}',
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(headers['retry-after']).to.equal('3');
    expect(json.details).to.deep.equal({ retryAfterSeconds: 3 });
  });

  it('counts it', async () => {
    expect((await world.send('GET', '/metrics')).text).to.match(/^mill_store_writable 0$/m);
    world.store.health = {};
    expect((await world.send('GET', '/metrics')).text).to.match(/^mill_store_writable 1$/m);
  });
});

describe('a copy that may be stale', () => {
  let world: HttpWorld;
  beforeEach(async () => {
    world = await startHttpWorld();
    await world.service.create(admin, 'Service', service('web'));
    world.store.health = { staleSinceMs: Date.parse(SINCE) };
  });
  afterEach(() => world.close());

  it('says so with each read, in the words that kubectl prints, and in a header of its own', async () => {
    const reads: readonly (readonly [string, string?])[] = [
      ['services'],
      ['services', TABLE],
      ['services/web'],
      ['services/web', TABLE],
      ['services/web/status'],
      ['services/web/scale'],
      ['services?watch=true&timeoutSeconds=1'],
    ];
    for (const [path, accept = 'application/json'] of reads) {
      const answered = world.send('GET', `${BASE}/${path}`, { headers: { accept } });
      if (path.includes('watch')) {
        while (world.clock.timers === 0) await new Promise((resolve) => setImmediate(resolve));
        world.clock.advance(1_000);
      }
      const { code, headers } = await answered;
      expect(code, path).to.equal(200);
      expect(headers['mill-stale-since'], path).to.equal(SINCE);
      expect(headers.warning).to.match(/^299 - "[^"]+ stale since 2024-05-01T00:00:00\.000Z"$/);
    }
    world.store.health = {};
    const { headers } = await world.send('GET', `${BASE}/services`);
    expect(headers).to.not.have.any.keys('mill-stale-since', 'warning');
  });

  it('does not turn away whom it may not know yet', async () => {
    const { code, json } = await world.send('GET', `${BASE}/services`, { token: 'new' });
    expect([code, json.details.causes[0].reason]).to.deep.equal([503, 'NothingDone']);
    expect((await world.send('GET', `${BASE}/services`, { token: '' })).code).to.equal(401);
    world.store.health = {};
    expect((await world.send('GET', `${BASE}/services`, { token: 'new' })).code).to.equal(401);
  });

  it('is counted in seconds', async () => {
    world.clock.advance(7_500);
    expect((await world.send('GET', '/metrics')).text).to.match(/^mill_store_stale_seconds 7\.5$/m);
    world.store.health = {};
    expect((await world.send('GET', '/metrics')).text).to.match(/^mill_store_stale_seconds 0$/m);
  });
});

describe('how new a read is', () => {
  let world: HttpWorld;
  beforeEach(async () => {
    world = await startHttpWorld();
    await world.service.create(controller, 'Event', event('e1'));
  });
  afterEach(() => world.close());
  const get = (query: string) => world.send('GET', `${BASE}/events${query}`);
  /** The copy is behind: what a barrier waits for brings one more object. */
  const catchUpBy = (name: string) => {
    world.store.onBarrier = async () => {
      await world.service.create(controller, 'Event', event(name));
    };
  };

  it('is that of the copy, where nothing is asked', async () => {
    await get('');
    await get('?resourceVersion=0');
    await get(`?resourceVersion=${world.store.state.revision}&resourceVersionMatch=NotOlderThan`);
    expect(world.store.barriers).to.equal(0);
  });

  it('is no older than a revision that is asked for: the copy catches up first', async () => {
    catchUpBy('e2');
    const ahead = world.store.state.revision + 1;
    const { json } = await get(`?resourceVersion=${ahead}`);
    expect(json.items.map((item: { metadata: { name: string } }) => item.metadata.name)).to.include('e2');
    catchUpBy('e3');
    expect((await get(`/e3?resourceVersion=${ahead + 1}`)).code).to.equal(200);
  });

  it('cannot be newer than the store: Kubernetes\' "Too large resource version"', async () => {
    const { revision } = world.store.state;
    for (const path of ['', '/e1']) {
      const { code, headers, json } = await get(`${path}?resourceVersion=${revision + 1}`);
      expect(code).to.equal(504);
      expect(headers['retry-after']).to.equal('1');
      expect(json).to.include({
        reason: 'Timeout',
        message: `Too large resource version: ${revision + 1}, current: ${revision}`,
      });
      expect(json.details.causes[0].reason).to.equal('ResourceVersionTooLarge');
    }
  });

  it('is linearizable where that is asked for', async () => {
    for (const path of ['', '/e1', '?watch=true&timeoutSeconds=1']) {
      const mark = path.includes('?') ? '&' : '?';
      const answered = get(`${path}${mark}consistency=linearizable`);
      if (path.includes('watch')) {
        while (world.clock.timers === 0) await new Promise((resolve) => setImmediate(resolve));
        world.clock.advance(1_000);
      }
      expect((await answered).code).to.equal(200);
    }
    expect(world.store.barriers).to.equal(3);
    catchUpBy('e2');
    expect((await get('/e2?consistency=linearizable')).code).to.equal(200);
    world.store.onBarrier = () => Promise.reject(new ApiError('ServiceUnavailable', 'cut off'));
    expect((await get('?consistency=linearizable')).code).to.equal(503);
  });

  it('is not waited for for ever', async () => {
    let asked: () => void = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    world.store.onBarrier = () => {
      asked();
      return new Promise(() => {});
    };
    const answered = get('?consistency=linearizable');
    await isAsked;
    world.clock.advance(3_000);
    const { code, json } = await answered;
    expect([code, json.message]).to.deep.equal([
      503,
      'this server did not catch up with the others within 3 s',
    ]);
    expect(world.clock.timers).to.equal(0);
  });

  it('is refused where it is asked for in words that mean nothing', async () => {
    const queries = [
      'consistency=eventual',
      'consistency=',
      'resourceVersion=x',
      'resourceVersion=90071992547409920',
      'resourceVersionMatch=Newest',
      'resourceVersionMatch=Exact',
    ];
    for (const query of queries) expect((await get(`?${query}`)).code, query).to.equal(400);
  });

  it('is asked for with the revisions of leases as well, which have sixteen digits', async () => {
    const { code, text } = await world.send('GET', `${BASE}/leases?resourceVersion=1795710050000001`);
    expect(code, text).to.equal(200);
  });

  it('may be asked for exactly, while that is the latest', async () => {
    const { revision } = world.store.state;
    expect((await get(`?resourceVersion=${revision}&resourceVersionMatch=Exact`)).code).to.equal(200);
    await world.service.create(controller, 'Event', event('e2'));
    const { code, json } = await get(`?resourceVersion=${revision}&resourceVersionMatch=Exact`);
    expect([code, json.reason]).to.deep.equal([410, 'Expired']);
  });

  it('goes for the later pages of a list as for the first', async () => {
    await world.service.create(controller, 'Event', event('e2'));
    const { json } = await get('?limit=1');
    expect((await get(`?limit=1&continue=${json.metadata.continue}`)).code).to.equal(200);
    const token = Buffer.from(JSON.stringify([world.store.state.revision + 1, 'e1'])).toString('base64url');
    expect((await get(`?limit=1&continue=${token}`)).code).to.equal(504);
  });

  it('goes for a watch as well: a copy that is behind does not call it Expired', async () => {
    catchUpBy('e2');
    const client = world.client();
    const resourceVersion = String(world.store.state.revision + 1);
    const stop = new AbortController();
    const next = client
      .watch('Event', { resourceVersion, signal: stop.signal })
      [Symbol.asyncIterator]()
      .next();
    while (world.store.subscribers === 0) await new Promise((resolve) => setImmediate(resolve));
    await world.service.create(controller, 'Event', event('e3'));
    expect((await next).value).to.have.nested.property('object.metadata.name', 'e3');
    stop.abort();
    world.store.onBarrier = async () => {};
    const ahead = String(world.store.state.revision + 1);
    const watch = client.watch('Event', { resourceVersion: ahead });
    const { message } = await refusal('Expired', () => watch[Symbol.asyncIterator]().next());
    expect(message).to.equal(
      `revision ${ahead} is not of this store, which is at ${Number(ahead) - 1}; list again`,
    );
  });

  it('leaves alone what reads no objects', async () => {
    await world.service.create(controller, 'Alloc', alloc('a1'));
    world.logs.serve('n1', async function* () {
      yield Buffer.from('said');
    });
    expect((await world.send('GET', `${BASE}/allocs/a1/log?consistency=any`)).text).to.equal('said');
  });
});
