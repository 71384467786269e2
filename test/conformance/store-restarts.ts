/** Restarts: what lasts, what does not, and what watchers learn of it. */
import { expect } from 'chai';
import { isApiError } from '../../api/errors.ts';
import type { Given } from './harness.ts';
import { actor, blindly, event, lease, put, remove } from './objects.ts';
import { hear, names, summary, thrown } from './observing.ts';

export function describeRestarts(given: Given): void {
  describe('restarts', () => {
    for (const restart of ['reopen', 'crash'] as const) {
      it(`keep every object and index (${restart})`, async () => {
        const store = await given().open();
        await store.commit(
          actor,
          blindly(put(event('a', 'ä € 😀')), put(event('b')), put(event('c', '', 'node-2'))),
        );
        await store.commit(actor, blindly(remove('b'), put(event('a', 'ö "quoted"\n'))));
        const before = store.state.list('Event');
        const again = await given()[restart]();
        expect(again.state.list('Event')).to.deep.equal(before);
        expect(names(again.state.byIndex('Event', 'regarding', 'Node/node-2'))).to.deep.equal(['c']);
        expect(Object.isFrozen(again.state.get('Event', 'a')?.spec)).to.equal(true);
      });

      it(`give no revision twice, ephemeral ones included (${restart})`, async () => {
        let store = await given().open();
        const last = { Event: 0, Lease: 0 };
        for (let turn = 0; turn < 4; turn++) {
          for (const object of [lease('l'), event('a', `${turn}`), lease('l'), lease('m')]) {
            const { revision } = await store.commit(actor, blindly(put(object)));
            expect(revision).to.be.greaterThan(last[object.kind]);
            last[object.kind] = revision;
            if (!given().keepsEphemeral) last.Event = last.Lease = revision;
          }
          store = await given()[restart]();
          for (const kind of ['Event', 'Lease'] as const)
            expect(store.state.revisionOf(kind)).to.be.at.least(last[kind]);
        }
      });

      it(`answer a commit without writes with the revision that readers see (${restart})`, async () => {
        await given().open();
        const store = await given()[restart]();
        const { revision } = store.state;
        const looking = await store.commit(actor, blindly());
        expect(looking.revision).to.equal(revision);
      });

      it(`forget ephemeral objects and tell their watchers to list again, or keep them (${restart})`, async () => {
        const store = await given().open();
        await store.commit(actor, blindly(put(lease('l')), put(event('a')), put(lease('m'))));
        const { revision } = await store.commit(actor, blindly(put(lease('l'))));
        const again = await given()[restart]();
        if (given().keepsEphemeral) {
          expect(names(again.state.list('Lease'))).to.deep.equal(['l', 'm']);
          return;
        }
        expect(again.state.count('Lease')).to.equal(0);
        expect(again.state.count('Event')).to.equal(1);
        expect(
          isApiError(
            thrown(() => hear(again, { after: revision, kinds: ['Lease'] })),
            'Expired',
          ),
        ).to.equal(true);
      });

      it(`let watchers of lasting objects resume (${restart})`, async () => {
        const store = await given().open();
        const heard = hear(store, { kinds: ['Event'] });
        await store.commit(actor, blindly(put(event('a', 'one')), put(event('b'))));
        await store.commit(actor, blindly(put(event('a', 'two')), remove('b')));
        const again = await given()[restart]();
        const resumed = hear(again, { after: heard[0]?.revision ?? 0, kinds: ['Event'] });
        expect(resumed).to.deep.equal(heard.slice(1));
        await again.commit(actor, blindly(put(event('c'))));
        expect(resumed.map(summary)).to.deep.equal(['added b ', 'modified a two', 'deleted b ', 'added c ']);
      });
    }
  });
}
