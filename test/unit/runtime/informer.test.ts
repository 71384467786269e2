/** What an informer tells of what it watches. */
import { expect } from 'chai';
import type { AnyObject } from '../../../api/kinds/index.ts';
import type { Change } from '../../../api/store.ts';
import type { Informer } from '../../../runtime/informer.ts';
import { flushMicrotasks, type VirtualClock } from '../../vocabulary/clock.ts';
import { node } from '../../vocabulary/objects.ts';
import { at, InformerWorld, LONG_MS, say } from './informer-world.ts';
import { event, type ScriptedServer } from './scripted-client.ts';

describe('the informer', () => {
  let world: InformerWorld;
  let server: ScriptedServer;
  let clock: VirtualClock;
  let informer: Informer;
  let told: string[];
  const start = async (...items: AnyObject[]) => {
    informer = await world.start(items);
  };

  beforeEach(() => {
    world = new InformerWorld();
    ({ server, clock, told } = world);
  });
  afterEach(() => world.close());

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
