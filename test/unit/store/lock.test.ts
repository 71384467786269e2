import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../api/clock.ts';
import { lockDirectory } from '../../../runtime/store/lock.ts';

describe('the lock of a directory', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mill-lock-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('is held by one at a time, and says by whom', async () => {
    const lock = await lockDirectory(dir, systemClock);
    const outcome = await lockDirectory(dir, systemClock).catch((error: Error) => error);
    expect(String(outcome)).to.include(
      `the store in ${dir} is in use by process ${process.pid}: stop it first`,
    );
    await lock.release();
    await (await lockDirectory(dir, systemClock)).release();
    expect(await readdir(dir)).to.deep.equal([]);
  });

  it('goes to one of many that want it at once', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => lockDirectory(dir, systemClock)),
    );
    const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    expect(winners.length).to.equal(1);
    for (const winner of winners) await winner.value.release();
  });

  it('is taken over where nobody answers any more', async () => {
    for (const name of ['lock-3', 'lock-4', 'lock-gone.new']) await writeFile(join(dir, name), '');
    const lock = await lockDirectory(dir, systemClock);
    expect(await readdir(dir)).to.deep.equal(['lock-5']);
    await lock.release();
  });

  it('works in a directory with a long path', async () => {
    const deep = join(dir, 'd'.repeat(150));
    await mkdir(deep);
    await (await lockDirectory(deep, systemClock)).release();
  });
});
