/** Watches: no gap, no repeat, in order, resumed where the history reaches. */
import { expect } from 'chai';
import { isApiError } from '../../api/errors.ts';
import type { Change, Committed } from '../../api/store.ts';
import type { Given } from './harness.ts';
import { actor, blindly, event, lease, put, remove } from './objects.ts';
import { hear, names, summary, thrown } from './observing.ts';

export function describeWatches(given: Given): void {
  describe('watches', () => {
    it('tells of every change, in order, with what was there before', async () => {
      const store = await given().open();
      const heard = hear(store);
      await store.commit(actor, blindly(put(event('a', 'one'))));
      await store.commit(actor, blindly(put(event('a', 'two')), put(event('b'))));
      const { revision } = await store.commit(actor, blindly(remove('a')));
      expect(heard.map(summary)).to.deep.equal([
        'added a one',
        'modified a two',
        'added b ',
        'deleted a two',
      ]);
      const revisions = heard.map((change) => change.revision);
      expect(revisions).to.deep.equal([...new Set(revisions)].sort((a, b) => a - b));
      expect(revisions.at(-1)).to.equal(revision);
      expect(heard.map((change) => Number(change.object.metadata.resourceVersion))).to.deep.equal(
        heard.map((change) => change.revision),
      );
      const modified = heard[1];
      expect(modified?.type === 'modified' && modified.old).to.equal(heard[0]?.object);
    });

    it('shows a change in the state before it tells of it, and answers the committer after', async () => {
      const store = await given().open();
      const order: string[] = [];
      store.subscribe({}, (change) => {
        order.push(`heard ${store.state.get('Event', change.object.metadata.name)?.spec.message}`);
      });
      await store.commit(actor, blindly(put(event('a', 'new')))).then(() => order.push('answered'));
      expect(order).to.deep.equal(['heard new', 'answered']);
    });

    it('tells of the wanted kinds only, and stops with the signal', async () => {
      const store = await given().open();
      const stop = new AbortController();
      const heard = hear(store, { kinds: ['Lease'], signal: stop.signal });
      const none = hear(store, { signal: AbortSignal.abort() });
      await store.commit(actor, blindly(put(event('a')), put(lease('l'))));
      stop.abort();
      await store.commit(actor, blindly(put(lease('m'))));
      expect(names(heard.map((change) => change.object))).to.deep.equal(['l']);
      expect(none).to.deep.equal([]);
    });

    it('drops a watcher that throws; commits and the other watchers go on', async () => {
      const store = await given().open();
      const calls: string[] = [];
      store.subscribe({}, (change) => {
        calls.push(change.object.metadata.name);
        throw new Error('a bug');
      });
      const heard = hear(store);
      await store.commit(actor, blindly(put(event('a')), put(event('b'))));
      expect(calls).to.deep.equal(['a']);
      expect(names(heard.map((change) => change.object))).to.deep.equal(['a', 'b']);
    });

    it('lets a callback subscribe: from there on, no gap and no repeat', async () => {
      const store = await given().open();
      const after = store.state.revision;
      const fresh: Change[] = [];
      const resumed: Change[] = [];
      const stop = new AbortController();
      store.subscribe({ signal: stop.signal }, () => {
        stop.abort();
        store.subscribe({}, (change) => fresh.push(change));
        store.subscribe({ after, kinds: ['Event'] }, (change) => resumed.push(change));
      });
      await store.commit(actor, blindly(put(event('a')), put(event('b'))));
      await store.commit(actor, blindly(put(event('c'))));
      expect(names(fresh.map((change) => change.object))).to.deep.equal(['c']);
      expect(names(resumed.map((change) => change.object))).to.deep.equal(['a', 'b', 'c']);
    });

    it('keeps the order for all where a callback commits', async () => {
      const store = await given().open();
      const commits: Promise<Committed<undefined>>[] = [];
      store.subscribe({ kinds: ['Event'] }, (change) => {
        const name = change.object.metadata.name;
        if (name.length < 3)
          commits.push(store.commit(actor, blindly(put(lease(name)), put(event(`${name}x`)))));
        commits.push(store.commit(actor, blindly(put(lease(`${name}-beat`)))));
      });
      const heard = hear(store);
      await store.commit(actor, blindly(put(event('a')), put(event('b'))));
      for (let done = 0; done < commits.length; done++) await commits[done];
      for (const kind of ['Event', 'Lease']) {
        const ofKind = heard.filter(({ object }) => object.kind === kind).map(({ revision }) => revision);
        expect(ofKind).to.deep.equal([...new Set(ofKind)].sort((a, b) => a - b));
      }
      expect(heard).to.have.lengthOf(store.state.count('Event') + 10);
      expect(store.state.count('Event')).to.equal(6);
    });
  });
}

export function describeResumes(given: Given): void {
  describe('resumed watches', () => {
    it('go on after any revision that is kept, deletions included', async () => {
      const store = await given().open();
      const all = hear(store);
      for (let turn = 0; turn < 10; turn++) {
        const last = turn % 3 === 2 ? remove('e-0') : put(event(`e-${turn % 3}`, `${turn}`));
        await store.commit(actor, blindly(put(event(`f-${turn}`)), put(lease('l', turn)), last));
      }
      for (const { revision, object } of all) {
        const later = all.filter((change) => change.revision > revision);
        const resumed = hear(store, { after: revision, kinds: [object.kind] });
        expect(resumed).to.deep.equal(later.filter((change) => change.object.kind === object.kind));
        if (!given().keepsEphemeral) expect(hear(store, { after: revision })).to.deep.equal(later);
      }
    });

    it('hear nothing twice and miss nothing while commits go on', async () => {
      const store = await given().open();
      const feeds: { after: number; heard: Change[] }[] = [];
      const all = hear(store);
      const commits = Array.from({ length: 60 }, async (_, index) => {
        const { revision } = await store.commit(actor, blindly(put(event(`e-${index % 7}`, `${index}`))));
        const after = Math.max(0, revision - (index % 5));
        feeds.push({ after, heard: hear(store, { after, kinds: ['Event'] }) });
      });
      await Promise.all(commits);
      for (const { after, heard } of feeds) {
        expect(heard).to.deep.equal(all.filter((change) => change.revision > after));
      }
    });

    it('are Expired where the history does not reach back, or does not reach so far', async () => {
      const store = await given().open({ historyLimit: 4 });
      for (let turn = 0; turn < 9; turn++) await store.commit(actor, blindly(put(event('a', `${turn}`))));
      const { revision } = store.state;
      expect(hear(store, { after: revision - 4, kinds: ['Event'] })).to.have.lengthOf(4);
      for (const after of [0, revision - 5, revision + 1]) {
        expect(
          isApiError(
            thrown(() => hear(store, { after, kinds: ['Event'] })),
            'Expired',
          ),
          `after ${after}`,
        ).to.equal(true);
      }
    });

    it('are not Expired by heartbeats, however many there were', async () => {
      const store = await given().open({ historyLimit: 4 });
      const { revision } = await store.commit(actor, blindly(put(event('a'))));
      await store.commit(actor, blindly(put(event('b'))));
      for (let turn = 0; turn < 20; turn++) await store.commit(actor, blindly(put(lease('l', turn))));
      expect(hear(store, { after: revision, kinds: ['Event'] }).map(summary)).to.deep.equal(['added b ']);
    });
  });
}
