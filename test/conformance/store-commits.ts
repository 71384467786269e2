/** Commits: revisions, order, and what a commit sees. */
import { expect } from 'chai';
import { isApiError } from '../../api/errors.ts';
import type { Reader } from '../../api/store.ts';
import type { Given } from './harness.ts';
import { actor, blindly, event, lease, put, remove } from './objects.ts';
import { failure } from './observing.ts';

export function describeCommits(given: Given): void {
  describe('commits', () => {
    it('begins with revision 1 or more, and gives n writes n consecutive revisions', async () => {
      const store = await given().open();
      const { revision, objects } = await store.commit(
        actor,
        blindly(put(event('a')), put(event('b')), put(event('c'))),
      );
      const versions = objects.map((object) => Number(object.metadata.resourceVersion));
      expect(versions).to.deep.equal([revision - 2, revision - 1, revision]);
      expect(versions[0]).to.be.at.least(1);
      expect(store.state.revision).to.equal(revision);
    });

    it('sets the resourceVersion and changes nothing else', async () => {
      const store = await given().open();
      const written = event('a', 'as it was');
      const { revision } = await store.commit(actor, blindly(put(written)));
      const expected = { ...written, metadata: { ...written.metadata, resourceVersion: `${revision}` } };
      expect(store.state.get('Event', 'a')).to.deep.equal(expected);
      expect(written.metadata.resourceVersion).to.equal('0');
    });

    it('shows the commit in the state by the time it resolves', async () => {
      const store = await given().open();
      await store.commit(actor, blindly(put(event('a', 'one'))));
      await store.commit(actor, blindly(put(event('a', 'two')), put(event('b')), remove('b')));
      expect(store.state.get('Event', 'a')?.spec.message).to.equal('two');
      expect(store.state.get('Event', 'b')).to.equal(undefined);
    });

    it('resolves in the order of the revisions', async () => {
      const store = await given().open();
      const resolved: number[] = [];
      const commits = Array.from({ length: 50 }, async (_, index) => {
        const object = index % 3 === 0 ? lease(`l-${index}`) : event(`e-${index}`);
        const { revision } = await store.commit(actor, blindly(put(object)));
        if (object.kind === 'Event' || !given().keepsEphemeral) resolved.push(revision);
      });
      await Promise.all(commits);
      expect(resolved).to.deep.equal([...resolved].sort((a, b) => a - b));
      expect(new Set(resolved)).to.have.lengthOf(given().keepsEphemeral ? 33 : 50);
    });

    it('decides on what was committed just before, so that no update is lost', async () => {
      const store = await given().open();
      const increment = (state: Reader) => {
        const count = Number(state.get('Event', 'counter')?.spec.message ?? 0) + 1;
        return { writes: [put(event('counter', `${count}`))], result: count };
      };
      const commits = await Promise.all(Array.from({ length: 100 }, () => store.commit(actor, increment)));
      expect(commits.map((commit) => commit.result)).to.deep.equal(
        Array.from({ length: 100 }, (_, i) => i + 1),
      );
      expect(store.state.get('Event', 'counter')?.spec.message).to.equal('100');
    });

    it('answers a commit without writes with all that it has seen being committed', async () => {
      const store = await given().open();
      const writing = store.commit(actor, blindly(put(event('a'))));
      const looking = await store.commit(actor, (state) => ({ writes: [], result: state.get('Event', 'a') }));
      expect(looking.objects).to.deep.equal([]);
      expect(store.state.get('Event', 'a')).to.equal(looking.result);
      expect(looking.revision).to.equal((await writing).revision);
    });

    it('takes the deletion of what is not there for done', async () => {
      const store = await given().open();
      const { revision } = await store.commit(actor, blindly(put(event('a'))));
      const deleted = await store.commit(actor, blindly(remove('never-there')));
      expect(deleted).to.deep.equal({ result: undefined, revision, objects: [] });
    });

    it('takes nothing more after it was closed', async () => {
      const store = await given().open();
      await store.close();
      expect(
        isApiError(await failure(store.commit(actor, blindly(put(event('a'))))), 'ServiceUnavailable'),
      ).to.equal(true);
    });

    it('finishes what was committed before it was closed', async () => {
      const store = await given().open();
      const commits = Array.from({ length: 20 }, (_, index) =>
        store.commit(actor, blindly(put(event(`e-${index}`)))),
      );
      await store.close();
      await Promise.all(commits);
      expect((await given().reopen()).state.count('Event')).to.equal(20);
    });
  });
}
