/** What an informer lists at first, and after a break. */
import { expect } from 'chai';
import { ConnectionError } from '../../../api/client/client.ts';
import { ApiError } from '../../../api/errors.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import { revisionTooLarge } from '../../../api/server/verbs/read-point.ts';
import type { Informer } from '../../../runtime/informer.ts';
import { flushMicrotasks, type VirtualClock } from '../../vocabulary/clock.ts';
import { changed, node } from '../../vocabulary/objects.ts';
import { at, InformerWorld, LONG_MS } from './informer-world.ts';
import { event, type ScriptedServer } from './scripted-client.ts';

describe('the lists of an informer', () => {
  let world: InformerWorld;
  let server: ScriptedServer;
  let clock: VirtualClock;
  let informer: Informer;
  let told: string[];
  let warnings: readonly string[];
  const start = async (...items: AnyObject[]) => {
    informer = await world.start(items);
  };

  beforeEach(() => {
    world = new InformerWorld();
    ({ server, clock, told, warnings } = world);
  });
  afterEach(() => world.close());

  it('lists nothing before it may', async () => {
    let begin = () => {};
    const after = new Promise<void>((resolve) => {
      begin = resolve;
    });
    informer = await world.start([at(node('node-1'), 9)], { after });
    server.items = [at(node('node-2'), 12)];
    begin();
    await informer.synced;
    expect(told).to.deep.equal(['added node-2@12']);
  });

  it('lists, and watches from the revision of the list', async () => {
    await start(at(node('node-2'), 7), at(node('node-1'), 9));
    await informer.synced;
    expect(informer.isSynced).to.equal(true);
    expect(told).to.deep.equal(['added node-2@7', 'added node-1@9']);
    expect(server.watch.request).to.include({
      resourceVersion: '10',
      bookmarks: true,
      fieldSelector: 'status.phase=ready',
    });
    expect(informer.revisionOf('Node')).to.equal(10);
    expect(informer.state.list('Node').map((each) => each.metadata.name)).to.deep.equal(['node-1', 'node-2']);
  });

  it('asks for the newest at first: an earlier run of its process may have seen more than a server that is behind', async () => {
    await start();
    await informer.synced;
    expect(server.listed).to.include({ consistency: 'linearizable', fieldSelector: 'status.phase=ready' });
  });

  for (const reason of ['ServiceUnavailable', 'Timeout'] as const) {
    it(`waits for as long as no server can tell whether there is more (${reason})`, async () => {
      server.newestError = new ApiError(reason, 'there is no quorum');
      await start(at(node('node-1'), 9));
      await clock.advance(LONG_MS);
      expect(informer.isSynced).to.equal(false);
      server.newestError = undefined;
      await clock.advance(LONG_MS);
      await informer.synced;
      expect(told).to.deep.equal(['added node-1@9']);
    });

    it(`begins with what a server has, where it may, after a while (${reason})`, async () => {
      server.newestError = new ApiError(reason, 'there is no quorum');
      informer = await world.start([at(node('node-1'), 9)], { certainForMs: 10_000 });
      await clock.advance(9_000);
      expect(informer.isSynced).to.equal(false);
      await clock.advance(LONG_MS);
      await informer.synced;
      expect(told).to.deep.equal(['added node-1@9']);
      expect(server.listed.consistency).to.equal(undefined);
    });
  }

  it('lists again when the history ran out, and tells the differences in order', async () => {
    await start(at(node('node-1'), 5), at(node('node-2'), 6), at(node('node-3'), 7));
    told.length = 0;
    server.items = [at(node('node-4'), 22), at(node('node-3'), 21), at(node('node-1'), 5)];
    server.revision = 30;
    server.watch.fail(new ApiError('Expired', 'list again'));
    await flushMicrotasks();
    expect(told).to.deep.equal(['deleted node-2@30', 'modified node-3@21', 'added node-4@22']);
    expect(server.watch.request.resourceVersion).to.equal('30');
    expect(informer.revisionOf('Node')).to.equal(30);
  });

  it('takes no list that is older than what it has told, whichever server answers', async () => {
    await start(at(node('node-1'), 9));
    expect(server.listed).to.not.have.property('resourceVersion');
    server.watch.send(event('MODIFIED', at(node('node-1'), 15)));
    server.watch.fail(new ApiError('Expired', 'list again'));
    await flushMicrotasks();
    expect(server.listed).to.include({ resourceVersion: '15', fieldSelector: 'status.phase=ready' });
  });

  it('believes a store that has gone back, once that is certain', async () => {
    await start(at(node('node-1'), 5), at(node('node-2'), 6), at(node('node-3'), 9));
    told.length = 0;
    server.items = [at(node('node-1'), 5), at(node('node-2'), 4)];
    server.revision = 5;
    server.listError = revisionTooLarge(10, 5);
    server.watch.fail(new ApiError('Expired', 'list again'));
    await flushMicrotasks();
    expect(server.listed)
      .to.include({ consistency: 'linearizable' })
      .and.not.have.property('resourceVersion');
    expect(told).to.deep.equal(['deleted node-2@5', 'deleted node-3@5', 'added node-2@4']);
    expect(server.watch.request.resourceVersion).to.equal('5');
    server.watch.send(event('MODIFIED', at(node('node-1'), 6)));
    await flushMicrotasks();
    expect(told.at(-1)).to.equal('modified node-1@6');
  });

  it('tells that an object is gone before another one of its name is there', async () => {
    await start(at(node('node-1'), 5));
    told.length = 0;
    const other = changed(node('node-1'), { metadata: { uid: 'another', resourceVersion: '20' } });
    server.items = [other];
    server.revision = 20;
    server.watch.fail(new ApiError('Expired', 'list again'));
    await flushMicrotasks();
    expect(told).to.deep.equal(['deleted node-1@20', 'added node-1@20']);
  });

  it('tries again with growing pauses, up to a limit, while the server is away', async () => {
    server.listError = new ConnectionError('refused');
    await start();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 10; attempt++) {
      const pauseMs = (clock.nextMs ?? Number.NaN) - clock.now();
      pauses.push(pauseMs);
      server.listError = new ConnectionError('refused');
      await clock.advance(pauseMs);
    }
    expect(pauses[0]).to.be.within(25, 50);
    expect(pauses[1]).to.be.within(50, 100);
    expect(Math.max(...pauses)).to.be.at.most(2_000);
    expect(pauses.at(-1)).to.be.at.least(1_000);
    expect(informer.isSynced).to.equal(false);
    expect(warnings).to.deep.equal(['what there is cannot be read yet; it is tried again']);
    server.listError = undefined;
    await clock.advance(LONG_MS);
    expect(informer.isSynced).to.equal(true);
  });

  it('does not hammer a server whose history always runs out', async () => {
    await start();
    for (let round = 0; round < 5; round++) {
      server.watch.fail(new ApiError('Expired', 'list again'));
      await flushMicrotasks();
    }
    expect(server.lists).to.be.at.most(2);
  });
});
