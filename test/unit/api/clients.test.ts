/** One suite for both clients: what stands behind them gives the same answers. */
import { expect } from 'chai';
import { type Client, deleteIfPresent, type WatchEvent } from '../../../api/client/client.ts';
import { createLocalClient } from '../../../api/client/local.ts';
import { PLURALS } from '../../../api/client/paths.ts';
import { KIND_NAMES, KINDS, type KindName } from '../../../api/kinds/index.ts';
import { refusal } from './failure.ts';
import { CONTROLLER_TOKEN, startHttpWorld } from './http-world.ts';
import { controller, createWorld, event, node, service as serviceObject, type World } from './world.ts';

interface ClientWorld extends World {
  readonly client: Client;
  close(): Promise<void>;
}

const clients: Readonly<Record<string, () => Promise<ClientWorld>>> = {
  'the local client': async () => {
    const world = createWorld();
    return { ...world, client: createLocalClient(world.service, controller), close: async () => {} };
  },
  'the HTTP client': async () => {
    const world = await startHttpWorld();
    return { ...world, client: world.client(CONTROLLER_TOKEN) };
  },
};

/** The next so many events, a word each. */
async function take(watch: AsyncIterator<WatchEvent<'Event'>>, count: number): Promise<string[]> {
  const heard: string[] = [];
  while (heard.length < count) {
    const next = await watch.next();
    if (next.done) break;
    const { value } = next;
    heard.push(
      value.type === 'BOOKMARK'
        ? `BOOKMARK ${value.resourceVersion}`
        : `${value.type} ${value.object.metadata.name}`,
    );
  }
  return heard;
}

for (const [title, start] of Object.entries(clients)) {
  describe(title, () => {
    let world: ClientWorld;
    let client: Client;
    beforeEach(async () => {
      world = await start();
      client = world.client;
    });
    afterEach(() => world.close());

    it('creates, reads, changes and deletes', async () => {
      const made = await client.create(serviceObject('web'));
      expect(made).to.deep.equal(world.store.state.get('Service', 'web'));
      expect(await client.get('Service', 'web')).to.deep.equal(made);
      const updated = await client.update({ ...made, spec: { ...made.spec, replicas: 2 } });
      expect(updated.spec.replicas).to.equal(2);
      const reported = await client.updateStatus({ ...updated, status: { ...updated.status, ready: 1 } });
      expect(reported.status.ready).to.equal(1);
      const merged = await client.patch('Service', 'web', { spec: { replicas: 3 } });
      expect(merged.spec.replicas).to.equal(3);
      const operations = [{ op: 'replace', path: '/status/ready', value: 2 }];
      const patched = await client.patch('Service', 'web', operations, {
        type: 'json',
        subresource: 'status',
      });
      expect(patched.status.ready).to.equal(2);
      await client.delete('Service', 'web');
      expect((await client.get('Service', 'web')).metadata).to.have.property('deletionTimestamp');
      await client.patch('Service', 'web', { metadata: { finalizers: null } });
      await deleteIfPresent(client, 'Service', 'web');
      await refusal('NotFound', () => client.get('Service', 'web'));
    });

    it('refuses with the same words', async () => {
      const made = await client.create(node('n1'));
      await client.update({ ...made, spec: { ...made.spec, drain: true } });
      const messages = [
        await refusal('NotFound', () => client.get('Node', 'n2')),
        await refusal('NotFound', () => client.get('Node', '')),
        await refusal('NotFound', () => client.get('Node', '../n1')),
        await refusal('AlreadyExists', () => client.create(node('n1'))),
        await refusal('Conflict', () => client.update(made)),
        await refusal('Conflict', () => client.delete('Node', 'n1', { uid: 'other' })),
        await refusal('Invalid', () => client.create(node('n3', { drian: true }))),
        await refusal('Invalid', () => client.create(node('N3'))),
        await refusal('BadRequest', () => client.list('Node', { fieldSelector: 'spec.drian=true' })),
        await refusal('BadRequest', () => client.list('Nodes' as KindName)),
      ].map(({ message }) => message.replaceAll(made.metadata.uid, 'UID'));
      expect(messages).to.deep.equal([
        'Node "n2" not found',
        'Node "" not found',
        'Node "../n1" not found',
        'Node "n1" already exists',
        'Node "n1" was changed by someone else meanwhile; read it again and apply your change to that',
        'Node "n1" is another object now: it was deleted and created again (uid UID)',
        'Node "n3" is invalid: spec.drian: unknown field; did you mean "drain"?',
        'Node "N3" is invalid: metadata.name: must be lower-case letters, digits, "-" and ".", and begin and end with a letter or digit (got "N3")',
        'a Node cannot be selected by the field "spec.drian"; by these it can: metadata.name, metadata.namespace, status.phase',
        'there is no kind "Nodes"',
      ]);
    });

    it('says what is wrong field by field', async () => {
      const { details } = await refusal('Invalid', () => client.create(node('n3', { drain: 'yes' })));
      expect(details).to.deep.equal({
        kind: 'Node',
        name: 'n3',
        causes: [
          { field: 'spec.drain', message: 'must be true or false (got "yes")', reason: 'FieldValueInvalid' },
        ],
      });
    });

    it('lists, selects, and takes pages', async () => {
      for (const name of ['e1', 'e2', 'e3']) await client.create(event(name, { labels: { app: name } }));
      const all = await client.list('Event');
      expect(all.items.map((item) => item.metadata.name)).to.deep.equal(['e1', 'e2', 'e3']);
      expect(all.resourceVersion).to.equal(String(world.store.state.revision));
      expect(all).not.to.have.property('continue');
      const page = await client.list('Event', { limit: 2 });
      const rest = await client.list(
        'Event',
        page.continue === undefined ? {} : { limit: 2, continue: page.continue },
      );
      expect(rest.items.map((item) => item.metadata.name)).to.deep.equal(['e3']);
      expect((await client.list('Event', { labelSelector: 'app in (e1,e3)' })).items).to.have.length(2);
    });

    it('tries without writing', async () => {
      const dryRun = true;
      await client.create(event('e1'), { dryRun });
      await refusal('NotFound', () => client.get('Event', 'e1'));
      const made = await client.create(event('e1'));
      await client.delete('Event', 'e1', { dryRun });
      expect(await client.get('Event', 'e1')).to.deep.equal(made);
    });

    it('watches from a revision, and ends with the signal', async () => {
      await client.create(event('e1'));
      const { resourceVersion } = await client.list('Event');
      await client.create(event('e2'));
      const stop = new AbortController();
      const watch = client.watch('Event', { resourceVersion, signal: stop.signal })[Symbol.asyncIterator]();
      expect(await take(watch, 1)).to.deep.equal(['ADDED e2']);
      await client.patch('Event', 'e1', { metadata: { labels: { app: 'web' } } });
      await client.delete('Event', 'e2');
      expect(await take(watch, 2)).to.deep.equal(['MODIFIED e1', 'DELETED e2']);
      const next = watch.next();
      stop.abort();
      expect((await next).done).to.equal(true);
    });

    it('watches through a selector, with bookmarks', async () => {
      const stop = new AbortController();
      const request = {
        resourceVersion: '0',
        labelSelector: 'app=web',
        bookmarks: true,
        signal: stop.signal,
      };
      const watch = client.watch('Event', request)[Symbol.asyncIterator]();
      const first = take(watch, 1);
      await client.create(event('e1', { labels: { app: 'web' } }));
      expect(await first).to.deep.equal(['ADDED e1']);
      await client.create(event('other'));
      world.clock.advance(10_000);
      expect(await take(watch, 1)).to.deep.equal([`BOOKMARK ${world.store.state.revision}`]);
      await client.patch('Event', 'e1', { metadata: { labels: { app: 'db' } } });
      expect(await take(watch, 1)).to.deep.equal(['DELETED e1']);
      stop.abort();
      expect((await watch.next()).done).to.equal(true);
    });

    it('says that a revision was forgotten', async () => {
      await client.create(event('e1'));
      world.store.compact();
      await refusal('Expired', () =>
        client.watch('Event', { resourceVersion: '1' })[Symbol.asyncIterator]().next(),
      );
    });

    it('lets go of a watch that is left', async () => {
      await client.create(event('e1'));
      for await (const _told of client.watch('Event', { resourceVersion: '0' })) break;
      // The server hears of it with the connection's end: a request after it is answered after it, too.
      while (world.store.subscribers > 0) await client.list('Event', { limit: 1 });
      expect(world.service.statistics.watchers).to.equal(0);
    });
  });
}

describe('the paths of the clients', () => {
  it('have all kinds', () => {
    for (const kind of KIND_NAMES) expect(PLURALS[kind]).to.equal(KINDS[kind].plural);
    expect(Object.keys(PLURALS)).to.have.members(KIND_NAMES);
  });
});
