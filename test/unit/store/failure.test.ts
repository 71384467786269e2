import fs from 'node:fs';
import { expect } from 'chai';
import sinon from 'sinon';
import { isApiError } from '../../../api/errors.ts';
import type { EmbeddedStore } from '../../../runtime/store/embedded.ts';
import { actor, blindly, event, lease, put } from '../../conformance/objects.ts';
import { commitEach, StoreDirectory } from './directory.ts';

describe('a store whose disk fails', () => {
  let directory: StoreDirectory;
  let store: EmbeddedStore;
  beforeEach(async () => {
    directory = await StoreDirectory.create();
    store = await directory.open();
    await commitEach(store, [put(event('a', 'kept'))]);
  });
  afterEach(async () => {
    sinon.restore();
    await store.close();
    await directory.dispose();
  });

  const breakDisk = () =>
    sinon.stub(fs, 'write').callsFake((...args: unknown[]) => {
      const done = args.at(-1) as (error: Error) => void;
      process.nextTick(() => done(new Error('EIO: i/o error, write')));
    });
  const outcomes = async (commits: readonly Promise<unknown>[]) =>
    (await Promise.allSettled(commits)).map((outcome) =>
      outcome.status === 'rejected' && isApiError(outcome.reason, 'ServiceUnavailable')
        ? 'unavailable'
        : outcome.status,
    );

  it('refuses what was under way, what waited, and everything after, and never tries the disk again', async () => {
    const disk = breakDisk();
    const underWay = store.commit(actor, blindly(put(event('b'))));
    const looking = store.commit(actor, blindly());
    expect(await outcomes([underWay, looking])).to.deep.equal(['unavailable', 'unavailable']);
    disk.restore();
    const writes = sinon.spy(fs, 'write');
    const later = [blindly(put(event('c'))), blindly(put(lease('l'))), blindly()].map((decide) =>
      store.commit(actor, decide),
    );
    expect(await outcomes(later)).to.deep.equal(['unavailable', 'unavailable', 'unavailable']);
    expect(store.health.unwritable).to.match(/journal cannot be written/);
    expect(await outcomes([store.compact()])).to.deep.equal(['unavailable']);
    expect(writes.callCount).to.equal(0);
  });

  it('goes on with reads, which never show what was refused', async () => {
    const heard: string[] = [];
    store.subscribe({}, (change) => heard.push(change.object.metadata.name));
    breakDisk();
    await outcomes([store.commit(actor, blindly(put(event('b')), put(event('a', 'lost'))))]);
    expect(store.state.list('Event').map((object) => object.spec.message)).to.deep.equal(['kept']);
    expect(heard).to.deep.equal([]);
  });

  it('opens again with all that was acknowledged', async () => {
    breakDisk();
    await outcomes([store.commit(actor, blindly(put(event('b'))))]);
    sinon.restore();
    await store.close();
    store = await directory.open();
    expect(store.state.list('Event').map((object) => object.metadata.name)).to.deep.equal(['a']);
    await commitEach(store, [put(event('c'))]);
  });

  it('takes a short write for what it is, and writes the rest', async () => {
    const write = fs.write.bind(fs) as (...args: unknown[]) => void;
    sinon.stub(fs, 'write').callsFake((...args: unknown[]) => {
      const [file, buffer, offset, length, position, done] = args;
      write(file, buffer, offset, Math.min(Number(length), 7), position, done);
    });
    await commitEach(store, [put(event('b')), put(event('c'))]);
    sinon.restore();
    await store.close();
    store = await directory.open();
    expect(store.state.count('Event')).to.equal(3);
  });
});

describe('a store that hears nothing but heartbeats', () => {
  it('sets revisions aside on disk, so that a crash gives none of them twice', async () => {
    const directory = await StoreDirectory.create();
    const store = await directory.open();
    const disk = sinon.spy(fs, 'write');
    let last = 0;
    for (let beat = 0; beat < 10_050; beat++) {
      last = (await store.commit(actor, blindly(put(lease('l', beat))))).revision;
    }
    expect(disk.callCount).to.be.within(1, 3);
    disk.restore();
    const crashed = await directory.copy();
    await store.close();
    const again = await crashed.open();
    expect(again.state.revision).to.be.greaterThan(last);
    await again.close();
    await directory.dispose();
  });
});
