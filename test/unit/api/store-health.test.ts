/** What the API says about the store behind it: cut off, or stale. */
import { expect } from 'chai';
import { ApiError } from '../../../api/errors.ts';
import { type HttpWorld, startHttpWorld } from './http-world.ts';
import { admin, node, service } from './world.ts';

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
