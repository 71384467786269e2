import { expect } from 'chai';
import type { ServerWatchEvent, WatchParameters } from '../../../api/server/verbs/watch.ts';
import { refusal } from './failure.ts';
import { admin, controller, createWorld, event, type World } from './world.ts';

/** Watches events and notes what it hears, a word each. */
function listen(world: World, parameters: Omit<WatchParameters, 'signal'> = {}) {
  const stop = new AbortController();
  const heard: string[] = [];
  const note = (told: ServerWatchEvent<'Event'>) => {
    const what =
      told.type === 'BOOKMARK' ? (told.initialEventsEnd ? 'all' : 'moved') : told.object.metadata.name;
    heard.push(`${told.type} ${what}`);
  };
  world.service.watch(admin, 'Event', { ...parameters, signal: stop.signal }, note);
  return { heard, stop: () => stop.abort() };
}

const label = (world: World, name: string, value: string | null) =>
  world.service.patch(controller, 'Event', name, { metadata: { labels: { app: value } } }, { type: 'merge' });

describe('watching', () => {
  let world: World;
  beforeEach(async () => {
    world = createWorld();
    await world.service.create(controller, 'Event', event('old'));
  });

  it('begins with what is there, where no revision is given', async () => {
    for (const resourceVersion of [undefined, '', '0']) {
      expect(listen(world, { resourceVersion }).heard).to.deep.equal(['ADDED old']);
    }
  });

  it('goes on after a revision without a gap', async () => {
    const { resourceVersion } = world.service.list(admin, 'Event');
    await world.service.create(controller, 'Event', event('new'));
    const { heard } = listen(world, { resourceVersion });
    await label(world, 'new', 'x');
    await world.service.delete(admin, 'Event', 'new');
    expect(heard).to.deep.equal(['ADDED new', 'MODIFIED new', 'DELETED new']);
  });

  it('tells the revision of a delete', async () => {
    const { resourceVersion } = world.service.list(admin, 'Event');
    let deletedAt = '';
    const { signal } = new AbortController();
    world.service.watch(admin, 'Event', { resourceVersion, signal }, (told) => {
      if (told.type === 'DELETED') deletedAt = told.object.metadata.resourceVersion;
    });
    await world.service.delete(admin, 'Event', 'old');
    expect(deletedAt).to.equal(String(world.store.state.revision));
  });

  it('is refused from a revision that was forgotten, and from one that is no number', async () => {
    await label(world, 'old', 'x');
    world.store.compact();
    await refusal('Expired', () => listen(world, { resourceVersion: '1' }));
    await refusal('BadRequest', () => listen(world, { resourceVersion: 'x' }));
  });

  it('adds what comes to match a selector and deletes what no longer does', async () => {
    const { heard } = listen(world, { labelSelector: 'app=web' });
    await label(world, 'old', 'web');
    await world.service.patch(controller, 'Event', 'old', { spec: { message: 'more' } }, { type: 'merge' });
    await label(world, 'old', 'db');
    await label(world, 'old', 'other');
    await world.service.delete(admin, 'Event', 'old');
    expect(heard).to.deep.equal(['ADDED old', 'MODIFIED old', 'DELETED old']);
  });

  it('tells how far it is, where it was asked to and the store moved on', async () => {
    const { heard } = listen(world, { bookmarks: true, labelSelector: 'app=web' });
    world.clock.advance(60_000);
    expect(heard).to.deep.equal([]);
    await label(world, 'old', 'other');
    world.clock.advance(60_000);
    expect(heard).to.deep.equal(['BOOKMARK moved']);
  });

  it('says when the initial events are complete', () => {
    const { heard } = listen(world, { sendInitialEvents: true, resourceVersion: '1' });
    expect(heard).to.deep.equal(['ADDED old', 'BOOKMARK all']);
  });

  it('leaves nothing behind when it ends', () => {
    const { stop } = listen(world, { bookmarks: true });
    expect(world.service.statistics.watchers).to.equal(1);
    stop();
    expect(world.store.subscribers).to.equal(0);
    expect(world.clock.timers).to.equal(0);
    expect(world.service.statistics.watchers).to.equal(0);
  });
});
