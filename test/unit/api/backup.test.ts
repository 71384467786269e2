import { once } from 'node:events';
import { get } from 'node:http';
import { expect } from 'chai';
import { openBackup } from '../../../api/backup/read.ts';
import { ApiError } from '../../../api/errors.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import { ADMIN_TOKEN, type HttpWorld, startHttpWorld } from './http-world.ts';
import { admin, agentOf, controller, event, gatewayOf, node } from './world.ts';

/** More than a socket takes at once: the server has to wait for its reader in the middle. */
const MANY = 3_000;

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

async function objectsIn(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ revision: number; objects: AnyObject[] }> {
  const { header, objects } = await openBackup(chunks);
  const found: AnyObject[] = [];
  for await (const object of objects) found.push(object);
  return { revision: header.revision, objects: found };
}

describe('GET /backup', () => {
  let world: HttpWorld;
  beforeEach(async () => {
    world = await startHttpWorld();
  });
  afterEach(() => world.close());

  it('answers everything that is kept, as of the revision of the store', async () => {
    const created = await world.service.create(admin, 'Node', node('node-1'));
    const { code, headers, text } = await world.send('GET', '/backup');
    expect(code).to.equal(200);
    expect(headers).to.include({ 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    expect(await objectsIn(bytesOf(text))).to.deep.equal({
      revision: world.store.state.revision,
      objects: [created],
    });
  });

  it('is of one revision, whatever is committed while it is read', async () => {
    const big = 'x'.repeat(2_000);
    for (let index = 0; index < MANY; index += 1) {
      await world.service.create(controller, 'Event', event(`e-${index}`, { annotations: { big } }));
    }
    const { revision } = world.store.state;
    const pieces = world.client().backup()[Symbol.asyncIterator]();
    const first = await pieces.next();
    await world.service.delete(admin, 'Event', `e-${MANY - 1}`);
    await world.service.create(admin, 'Node', node('late'));
    const all = (async function* () {
      for (let next = first; !next.done; next = await pieces.next()) yield next.value;
    })();
    const backup = await objectsIn(all);
    expect(backup.revision).to.equal(revision);
    expect(backup.objects).to.have.length(MANY);
    expect(backup.objects.every(({ kind }) => kind === 'Event')).to.equal(true);
  });

  it('is for operators only', async () => {
    for (const actor of [agentOf('node-1'), gatewayOf('edge'), controller]) {
      const failure = await world.service.capture(actor, { stale: false }).catch((error: ApiError) => error);
      expect(failure).to.include({ reason: 'Forbidden' });
    }
    expect((await world.send('GET', '/backup', { token: '' })).code).to.equal(401);
  });

  it('waits for what others have committed, or says that it cannot; unless it is asked for what is here', async () => {
    world.store.barrier = () => Promise.reject(new ApiError('ServiceUnavailable', 'no quorum'));
    expect((await world.send('GET', '/backup')).json).to.include({ code: 503, message: 'no quorum' });
    expect((await world.send('GET', '/backup?stale=true')).code).to.equal(200);
  });

  it('has no body for HEAD', async () => {
    expect(await world.send('HEAD', '/backup')).to.include({ code: 200, text: '' });
  });

  it('gives up a reader that takes nothing, and one whose backup is cut short knows it', async () => {
    const big = 'x'.repeat(200_000);
    for (let index = 0; index < 100; index += 1) {
      await world.service.create(controller, 'Event', event(`e-${index}`, { annotations: { big } }));
    }
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const request = get({ host: '127.0.0.1', port: world.port, path: '/backup', agent: false, headers });
    const [response] = await once(request, 'response');
    while (world.clock.timers === 0) await new Promise((resolve) => setImmediate(resolve));
    world.clock.advance(30_000);
    const failure = await objectsIn(response).catch((error: Error) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(world.clock.timers).to.equal(0);
  });
});
