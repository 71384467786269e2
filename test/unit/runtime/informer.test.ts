import { expect } from 'chai';
import { ConnectionError } from '../../../api/client/client.ts';
import { ApiError } from '../../../api/errors.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import { silentLog } from '../../../api/log.ts';
import { revisionTooLarge } from '../../../api/server/verbs/read-point.ts';
import type { Change } from '../../../api/store.ts';
import { createInformer, type Informer } from '../../../runtime/informer.ts';
import { flushMicrotasks, VirtualClock } from '../../vocabulary/clock.ts';
import { changed, node } from '../../vocabulary/objects.ts';
import { seededRandom } from '../../vocabulary/world.ts';
import { event, ScriptedServer } from './scripted-client.ts';

/** Longer than any pause before a watch is taken up again. */
const LONG_MS = 10_000;

describe('the informer', () => {
  let server: ScriptedServer;
  let clock: VirtualClock;
  let informer: Informer;
  let told: string[];
  let warnings: string[];
  let after: Promise<void> | undefined;
  let certainForMs: number | undefined;
  const at = (object: AnyObject, revision: number) =>
    changed(object, { metadata: { resourceVersion: String(revision) } });
  const say = (change: Change) => `${change.type} ${change.object.metadata.name}@${change.revision}`;
  const start = async (...items: AnyObject[]) => {
    server.items = items;
    informer = createInformer({
      client: server.client,
      clock,
      log: { ...silentLog, warn: (_fields, message) => void warnings.push(message) },
      random: seededRandom(),
      watches: [{ kind: 'Node', fieldSelector: 'status.phase=ready' }],
      ...(after ? { after } : {}),
      ...(certainForMs === undefined ? {} : { certainForMs }),
    });
    informer.subscribe({ kinds: ['Node'] }, (change) => told.push(say(change)));
    await flushMicrotasks();
  };

  beforeEach(() => {
    server = new ScriptedServer();
    server.revision = 10;
    clock = new VirtualClock();
    told = [];
    warnings = [];
    after = undefined;
    certainForMs = undefined;
  });
  afterEach(() => informer.close());

  it('lists nothing before it may', async () => {
    let begin = () => {};
    after = new Promise((resolve) => {
      begin = resolve;
    });
    await start(at(node('node-1'), 9));
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
      certainForMs = 10_000;
      server.newestError = new ApiError(reason, 'there is no quorum');
      await start(at(node('node-1'), 9));
      await clock.advance(9_000);
      expect(informer.isSynced).to.equal(false);
      await clock.advance(LONG_MS);
      await informer.synced;
      expect(told).to.deep.equal(['added node-1@9']);
      expect(server.listed.consistency).to.equal(undefined);
    });
  }

  it('tells each change, with what was there before', async () => {
    await start(at(node('node-1'), 9));
    const changes: Change[] = [];
    informer.subscribe({}, (change) => changes.push(change));
    server.watch.send(
      event('MODIFIED', at(node('node-1', { unschedulable: true }), 11)),
      event('ADDED', at(node('node-2'), 12)),
      event('DELETED', at(node('node-1'), 13)),
    );
    await flushMicrotasks();
    expect(changes.map(say)).to.deep.equal(['modified node-1@11', 'added node-2@12', 'deleted node-1@13']);
    const [first] = changes;
    expect(first?.type === 'modified' && first.old?.metadata.resourceVersion).to.equal('9');
    expect(informer.revisionOf('Node')).to.equal(13);
    expect(informer.state.revision).to.equal(13);
  });

  it('shows a change before it tells it', async () => {
    await start();
    let seen: string | undefined;
    informer.subscribe({}, ({ object }) => {
      seen = informer.state.get('Node', object.metadata.name)?.metadata.resourceVersion;
    });
    server.watch.send(event('ADDED', at(node('node-1'), 11)));
    await flushMicrotasks();
    expect(seen).to.equal('11');
  });

  it('moves its revision with bookmarks, which tell nothing', async () => {
    await start();
    const revisions: number[] = [];
    informer.onRevision((_, revision) => revisions.push(revision));
    server.watch.send({ type: 'BOOKMARK', resourceVersion: '40' });
    await flushMicrotasks();
    expect(informer.revisionOf('Node')).to.equal(40);
    expect(revisions).to.deep.equal([40]);
    expect(told).to.deep.equal([]);
  });

  it('goes on from the last revision after a break, and leaves out what is repeated', async () => {
    await start(at(node('node-1'), 9));
    server.watch.send(event('MODIFIED', at(node('node-1'), 15)));
    server.watch.fail();
    await flushMicrotasks();
    expect(server.watches).to.have.length(1);
    await clock.advance(LONG_MS);
    expect(server.lists).to.equal(1);
    expect(server.watch.request.resourceVersion).to.equal('15');
    server.watch.send(event('MODIFIED', at(node('node-1'), 15)), event('MODIFIED', at(node('node-1'), 16)));
    await flushMicrotasks();
    expect(told).to.deep.equal(['added node-1@9', 'modified node-1@15', 'modified node-1@16']);
  });

  it('does not take an object away for the end of an earlier one of its name, told once more', async () => {
    await start(at(node('node-1'), 9));
    server.watch.send(event('ADDED', at(node('node-1'), 4)), event('DELETED', at(node('node-1'), 6)));
    await flushMicrotasks();
    expect(told).to.deep.equal(['added node-1@9']);
    expect(informer.state.get('Node', 'node-1')).to.not.equal(undefined);
  });

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

  it('says each time that it heard from the server', async () => {
    await start();
    let contacts = 0;
    informer.onContact(() => (contacts += 1));
    server.watch.send({ type: 'BOOKMARK', resourceVersion: '11' }, event('ADDED', at(node('node-1'), 12)));
    await flushMicrotasks();
    expect(contacts).to.equal(2);
  });

  it('drops a subscriber that throws, and goes on with the others', async () => {
    await start();
    let calls = 0;
    informer.subscribe({}, () => {
      calls += 1;
      throw new Error('oops');
    });
    server.watch.send(event('ADDED', at(node('node-1'), 11)), event('ADDED', at(node('node-2'), 12)));
    await flushMicrotasks();
    expect(calls).to.equal(1);
    expect(told).to.deep.equal(['added node-1@11', 'added node-2@12']);
  });

  it('keeps no history', async () => {
    await start();
    expect(() => informer.subscribe({ after: 3 }, () => {})).to.throw('keeps no history');
  });

  it('is quiet once it is closed', async () => {
    await start();
    const { watch } = server;
    informer.close();
    watch.send(event('ADDED', at(node('node-1'), 11)));
    await clock.advance(LONG_MS);
    expect(told).to.deep.equal([]);
    expect(server.watches).to.have.length(1);
    expect(clock.nextMs).to.equal(undefined);
  });
});
