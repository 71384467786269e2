import { rm, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { systemClock } from '../../../api/clock.ts';
import { verifyStore } from '../../../runtime/store/verify.ts';
import { actor, blindly, event, lease, put, remove } from '../../conformance/objects.ts';
import { commitEach, StoreDirectory } from './directory.ts';

const SNAPSHOT = 'snapshot-0000000002.snap';
const FIRST_JOURNAL = 'journal-0000000001.log';
const SECOND_JOURNAL = 'journal-0000000002.log';

describe('a snapshot', () => {
  let directory: StoreDirectory;
  beforeEach(async () => {
    directory = await StoreDirectory.create();
  });
  afterEach(() => directory.dispose());

  const namesIn = async (where: StoreDirectory) => {
    const store = await where.open();
    const names = store.state.list('Event').map((object) => object.metadata.name);
    await store.close();
    return names;
  };
  const refusal = async (where: StoreDirectory) => {
    const outcome = await where
      .open()
      .then((store) => store.close())
      .catch((error: Error) => error);
    expect(outcome).to.be.instanceOf(Error);
    return String(outcome);
  };

  it('takes the place of the journals before it', async () => {
    const store = await directory.open();
    await commitEach(store, [put(event('a')), put(lease('l')), put(event('b'))]);
    await store.compact();
    await commitEach(store, [put(event('c')), remove('a')]);
    await store.close();
    const report = await verifyStore(directory.dir, systemClock);
    expect(report).to.include({ snapshot: 2, journals: 1, objects: 2, records: 3 });
    expect(report.problems).to.deep.equal([]);
    expect(await namesIn(directory)).to.deep.equal(['b', 'c']);
  });

  it('is taken while commits go on, and loses none of them', async () => {
    const store = await directory.open({ compactBytes: 8 * 1024 });
    for (let round = 0; round < 60; round++) {
      const writes = Array.from({ length: 10 }, (_, index) =>
        store.commit(actor, blindly(put(event(`e-${index}`, `${round}`)), put(event(`f-${round}-${index}`)))),
      );
      await Promise.all(writes);
      if (round % 20 === 10) await store.compact();
    }
    const before = store.state.list('Event');
    await store.close();
    const again = await directory.open();
    expect(again.state.list('Event')).to.deep.equal(before);
    expect(again.state.count('Event')).to.equal(610);
    await again.close();
    expect((await verifyStore(directory.dir, systemClock)).snapshot).to.be.greaterThan(2);
  });

  it('that the closing of the store overtakes is given up, and nothing is lost', async () => {
    const store = await directory.open();
    await commitEach(store, [put(event('a')), put(event('b'))]);
    const [compacted, closed] = await Promise.allSettled([store.compact(), store.close()]);
    expect(compacted.status).to.equal('rejected');
    expect(closed.status).to.equal('fulfilled');
    expect(await namesIn(directory)).to.deep.equal(['a', 'b']);
    expect((await verifyStore(directory.dir, systemClock)).warnings).to.deep.equal([]);
  });

  it('that is damaged is replaced by what was before it, where that is still there', async () => {
    const { crashed } = await killedBeforeTheJournalsWereRemoved();
    const content = await crashed.read(SNAPSHOT);
    content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1;
    await crashed.write(SNAPSHOT, content);
    expect(await namesIn(crashed)).to.deep.equal(['a', 'b', 'c']);
    expect(await namesIn(crashed)).to.deep.equal(['a', 'b', 'c']);
    await crashed.dispose();
  });

  it('that is damaged at any byte, or cut short, with nothing before it, is refused', async () => {
    const store = await directory.open();
    await commitEach(store, [put(event('a'))]);
    await store.compact();
    await store.close();
    const intact = await directory.read(SNAPSHOT);
    for (let at = 0; at < intact.length; at += 7) {
      const damaged = Buffer.from(intact);
      damaged[at] = (damaged[at] ?? 0) ^ 0x20;
      for (const content of [damaged, intact.subarray(0, at)]) {
        await directory.write(SNAPSHOT, content);
        const message = await refusal(directory);
        expect(message).to.include(directory.path(SNAPSHOT)).and.include('restore');
      }
    }
  });

  it('without its journal is refused: commits after it may be missing', async () => {
    const store = await directory.open();
    await commitEach(store, [put(event('a'))]);
    await store.compact();
    await store.close();
    await rm(directory.path(SECOND_JOURNAL));
    expect(await refusal(directory)).to.include(`${directory.path(SECOND_JOURNAL)} is missing`);
  });

  it('recovers from a crash at every step of a compaction', async () => {
    const { crashed, steps } = await killedBeforeTheJournalsWereRemoved();
    for (const step of steps) {
      const copy = await crashed.copy();
      await step(copy);
      expect(await namesIn(copy)).to.deep.equal(['a', 'b', 'c']);
      expect(await namesIn(copy)).to.deep.equal(['a', 'b', 'c']);
    }
    await crashed.dispose();
  });

  /** Both the snapshot and what it replaces are there; `steps` take it back to earlier moments, or on to later ones. */
  async function killedBeforeTheJournalsWereRemoved() {
    const store = await directory.open();
    await commitEach(store, [put(event('a')), put(event('b'))]);
    const before = await directory.copy();
    await store.compact();
    await commitEach(store, [put(event('c'))]);
    const crashed = await directory.copy();
    await store.close();
    await crashed.write(FIRST_JOURNAL, await before.read(FIRST_JOURNAL));
    const noSnapshot = (copy: StoreDirectory) => rm(copy.path(SNAPSHOT));
    const steps = [
      async (copy: StoreDirectory) => {
        await noSnapshot(copy);
        await writeFile(copy.path('snapshot-0000000002.tmp'), 'half');
      },
      noSnapshot,
      async () => {},
      async (copy: StoreDirectory) => rm(copy.path(FIRST_JOURNAL)),
      // A journal made for the next compaction, whole or torn, that nothing was written to.
      async (copy: StoreDirectory) => writeFile(copy.path('journal-0000000003.log'), Buffer.alloc(100)),
      async (copy: StoreDirectory) => writeFile(copy.path('journal-0000000003.log'), 'torn'),
    ];
    return { crashed, steps };
  }

  it('and journal together are what a plain map would be, over any commits, compactions and kills', async () => {
    const action = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), message: fc.string() }),
      },
      { weight: 3, arbitrary: fc.record({ deleted: fc.constantFrom('a', 'b', 'c', 'd') }) },
      { weight: 1, arbitrary: fc.constantFrom('compact' as const, 'kill' as const, 'reopen' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        let current = await StoreDirectory.create();
        const used = [current];
        let store = await current.open();
        const model = new Map<string, string>();
        for (const next of actions) {
          if (next === 'compact') {
            await store.compact();
          } else if (next === 'kill' || next === 'reopen') {
            const killed = await current.copy();
            used.push(killed);
            await store.close();
            if (next === 'kill') current = killed;
            store = await current.open();
          } else if ('deleted' in next) {
            await commitEach(store, [remove(next.deleted)]);
            model.delete(next.deleted);
          } else {
            await commitEach(store, [put(event(next.name, next.message))]);
            model.set(next.name, next.message);
          }
          const there = store.state
            .list('Event')
            .map((object) => [object.metadata.name, object.spec.message]);
          expect(there).to.deep.equal([...model].sort());
        }
        await store.close();
        for (const each of used) await each.dispose();
      }),
      { numRuns: 15 },
    );
  });
});
