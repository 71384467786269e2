/** Rules and reads: admission, all or nothing, indexes, frozen objects. */
import { expect } from 'chai';
import { ApiError, isApiError } from '../../api/errors.ts';
import type { Event } from '../../api/kinds/event.ts';
import type { Admission } from '../../api/store.ts';
import type { Given } from './harness.ts';
import { actor, blindly, event, lease, put, remove } from './objects.ts';
import { failure, names } from './observing.ts';

export function describeRules(given: Given): void {
  describe('rules', () => {
    it('rejects with what decide throws, and writes nothing', async () => {
      const store = await given().open();
      const before = store.state.revision;
      const thrown = new ApiError('Conflict', 'somebody else was here');
      const refusal = await failure(
        store.commit(actor, () => {
          throw thrown;
        }),
      );
      expect(refusal).to.equal(thrown);
      expect(store.state.revision).to.equal(before);
    });

    it('runs admission for every write, on the state where it lands, with the actor', async () => {
      const seen: string[] = [];
      const admission: Admission = (before, writes, { user }) =>
        seen.push(`${user}: ${before.count('Event')} + ${writes.length}`);
      const store = await given().open({ admission });
      await Promise.all([
        store.commit(actor, blindly(put(event('a')), put(event('b')))),
        store.commit({ user: 'other', groups: [] }, blindly(put(lease('c')))),
        store.commit(actor, blindly(remove('a'))),
      ]);
      expect(seen).to.deep.equal(['tester: 0 + 2', 'other: 2 + 1', 'tester: 2 + 1']);
    });

    it('writes all of a commit or nothing', async () => {
      const admission: Admission = (_before, writes) => {
        if (writes.length === 3) throw new ApiError('Forbidden', 'three are too many');
      };
      const store = await given().open({ admission });
      await store.commit(actor, blindly(put(event('a', 'kept'))));
      const before = store.state.revision;
      const three = blindly(put(event('a', 'lost')), remove('a'), put(event('b')));
      expect(isApiError(await failure(store.commit(actor, three)), 'Forbidden')).to.equal(true);
      expect(store.state.list('Event').map((object) => object.spec.message)).to.deep.equal(['kept']);
      expect(store.state.revision).to.equal(before);
    });

    it('leaves no trace of a commit that cannot be stored', async () => {
      const store = await given().open();
      const malformed = { ...event('bad'), spec: { message: 'not an event' } } as unknown as Event;
      const circular = event('bad') as Event & { self?: unknown };
      circular.self = 1n;
      for (const bad of [malformed, circular])
        await failure(store.commit(actor, blindly(put(event('a')), put(bad))));
      await store.commit(actor, (state) => ({
        writes: [put(event(`count-${state.count('Event')}`))],
        result: 0,
      }));
      expect(names(store.state.list('Event'))).to.deep.equal(['count-0']);
    });

    it('keeps a rule over several objects, whatever is under way at once', async () => {
      const admission: Admission = (before, writes) => {
        const growth = writes.filter((write) => write.type === 'put').length;
        if (before.byIndex('Event', 'regarding', 'Node/full').length + growth > 5) {
          throw new ApiError('Invalid', 'node full takes no more');
        }
      };
      const store = await given().open({ admission });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 40 }, (_, index) =>
          store.commit(actor, blindly(put(event(`e-${index}`, '', 'full')))),
        ),
      );
      expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).to.have.lengthOf(5);
      expect(store.state.byIndex('Event', 'regarding', 'Node/full')).to.have.lengthOf(5);
    });
  });
}

export function describeReads(given: Given): void {
  describe('reads', () => {
    it('lists by name, counts, and finds by index, through creations, changes and deletions', async () => {
      const store = await given().open();
      const { state } = store;
      await store.commit(actor, blindly(put(event('b')), put(event('c', '', 'node-2')), put(event('a'))));
      expect(names(state.list('Event'))).to.deep.equal(['a', 'b', 'c']);
      expect(names(state.byIndex('Event', 'regarding', 'Node/node-1'))).to.deep.equal(['a', 'b']);
      await store.commit(actor, blindly(put(event('a', 'moved', 'node-2')), remove('c'), put(event('aa'))));
      expect(names(state.list('Event'))).to.deep.equal(['a', 'aa', 'b']);
      expect(names(state.byIndex('Event', 'regarding', 'Node/node-1'))).to.deep.equal(['aa', 'b']);
      expect(names(state.byIndex('Event', 'regarding', 'Node/node-2'))).to.deep.equal(['a']);
      expect(state.count('Event')).to.equal(3);
      expect(state.byIndex('Event', 'regarding', 'Node/nowhere')).to.deep.equal([]);
      expect(() => state.byIndex('Event', 'colour', 'red')).to.throw(RangeError, 'no index "colour"');
    });

    it('never changes a list that it has given out', async () => {
      const store = await given().open();
      await store.commit(actor, blindly(put(event('a', 'old')), put(event('b'))));
      const list = store.state.list('Event');
      await store.commit(actor, blindly(put(event('a', 'new')), remove('b'), put(event('c'))));
      expect(list.map((object) => object.spec.message)).to.deep.equal(['old', '']);
    });

    it('gives out objects that nobody can change', async () => {
      const store = await given().open();
      await store.commit(actor, blindly(put(event('a'))));
      const object = store.state.get('Event', 'a');
      expect(Object.isFrozen(object)).to.equal(true);
      expect(Object.isFrozen(object?.metadata)).to.equal(true);
      expect(Object.isFrozen(object?.spec.regarding)).to.equal(true);
    });
  });
}
