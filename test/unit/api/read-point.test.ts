/** How new a read is: as the copy that is read from, as a revision that is asked for, or as all that was acknowledged. */
import { expect } from 'chai';
import { ApiError } from '../../../api/errors.ts';
import { refusal } from './failure.ts';
import { type HttpWorld, startHttpWorld } from './http-world.ts';
import { alloc, controller, event } from './world.ts';

const BASE = '/apis/mill.dev/v1alpha1';

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
