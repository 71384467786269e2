import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { backedUpKinds } from '../../../api/backup/format.ts';
import { openBackup } from '../../../api/backup/read.ts';
import { systemClock } from '../../../api/clock.ts';
import { importStore, REVISION_GAP } from '../../../runtime/store/import.ts';
import type { MutableState } from '../../../runtime/store/state.ts';
import { verifyStore } from '../../../runtime/store/verify.ts';
import { event, put } from '../../conformance/objects.ts';
import { node, service } from '../../vocabulary/objects.ts';
import { commitEach, StoreDirectory } from '../store/directory.ts';
import { backupOf, pieces, stateOf, states } from './states.ts';

describe('a store that is made of a backup', () => {
  let directory: StoreDirectory;
  beforeEach(async () => {
    directory = await StoreDirectory.create();
  });
  afterEach(() => directory.dispose());

  const restore = async (bytes: Uint8Array, dir = directory.dir) => {
    const { header, objects } = await openBackup(pieces(bytes));
    await importStore(dir, { count: header.objects, revision: header.revision, objects });
  };
  const refusal = (work: Promise<void>) =>
    work.then(
      () => '',
      (error: Error) => error.message,
    );

  it('holds the same objects, to the last field, of any state', async () => {
    await fc.assert(
      fc.asyncProperty(states, async (state) => {
        await rm(directory.dir, { recursive: true });
        await restore(backupOf(state));
        const store = await directory.open();
        for (const kind of backedUpKinds()) expect(store.state.list(kind)).to.deep.equal(state.list(kind));
        await store.close();
      }),
      { numRuns: 25 },
    );
  });

  it('gives a backup of the same objects again', async () => {
    const bytes = backupOf(stateOf(node('node-1'), service('web')));
    await restore(bytes);
    const { state } = await verifyStore(directory.dir, systemClock);
    const body = (backup: Buffer) => backup.toString().split('\n').slice(1, -2);
    expect(body(backupOf(state as MutableState))).to.deep.equal(body(bytes));
  });

  it('goes on after every revision that the old store may have given out meanwhile', async () => {
    await restore(backupOf(stateOf(node('node-1'))));
    const store = await directory.open();
    expect(store.state.revision).to.be.greaterThan(1_000 + REVISION_GAP);
    for (const after of [1, 1_000, 5_000]) {
      expect(() => store.subscribe({ after }, () => {})).to.throw(
        `changes after revision ${after} are not kept`,
      );
    }
    await commitEach(store, [put(event('a'))]);
    expect(Number(store.state.get('Event', 'a')?.metadata.resourceVersion)).to.be.greaterThan(
      1_000 + REVISION_GAP,
    );
    await store.close();
    const again = await directory.open();
    expect(again.state.count('Event')).to.equal(1);
    await again.close();
  });

  it('is refused where a store is, or anything else, and leaves that as it is', async () => {
    const store = await directory.open();
    await commitEach(store, [put(event('a'))]);
    await store.close();
    const before = await readdir(directory.dir);
    const bytes = backupOf(stateOf(node('node-1')));
    expect(await refusal(restore(bytes))).to.match(
      /^there is something in .*: a backup is restored only where nothing is/,
    );
    expect(await readdir(directory.dir)).to.deep.equal(before);
    const other = join(directory.dir, 'other');
    await mkdir(other);
    await writeFile(join(other, 'letter.txt'), '');
    expect(await refusal(restore(bytes, other))).to.include('letter.txt');
  });

  it('is refused where one has been made while the backup was read', async () => {
    const dir = join(directory.dir, 'store');
    const { header, objects } = await openBackup(pieces(backupOf(stateOf(node('node-1')))));
    const meanwhile = (async function* () {
      yield* objects;
      await mkdir(dir);
      await writeFile(join(dir, 'journal-0000000001.log'), '');
    })();
    const work = importStore(dir, { count: header.objects, revision: header.revision, objects: meanwhile });
    expect(await refusal(work)).to.match(/^there is something in /);
    expect(await readdir(directory.dir)).to.deep.equal(['store']);
    expect(await readdir(dir)).to.deep.equal(['journal-0000000001.log']);
  });

  it('leaves nothing behind of a backup that is damaged', async () => {
    const dir = join(directory.dir, 'store');
    const bytes = backupOf(stateOf(node('node-1'), service('web')));
    expect(await refusal(restore(bytes.subarray(0, -10), dir))).to.match(/^line 4: it is cut short/);
    expect(await readdir(directory.dir)).to.deep.equal([]);
  });

  it('is never taken for a new one, should its only snapshot get lost', async () => {
    await restore(backupOf(stateOf(node('node-1'))));
    const [snapshot = ''] = (await readdir(directory.dir)).filter((name) => name.startsWith('snapshot'));
    await rename(directory.path(snapshot), `${directory.dir}-away`);
    const failure = await directory.open().catch((error: Error) => error);
    await rm(`${directory.dir}-away`);
    expect(String(failure)).to.include('journal-0000000001.log is missing: nothing was changed');
  });
});
