import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isTerminal } from '../../api/kinds/alloc.ts';
import { counter, endlessTask, web } from './fleet.ts';
import { freePort, Mill } from './mill.ts';
import { activeOn } from './witness.ts';

/** The lines of a backup that hold objects. */
const objectsIn = (path: string): string[] => readFileSync(path, 'utf8').trimEnd().split('\n').slice(1, -1);

/** What makes an object itself, and what was wanted of it. */
async function wanted(mill: Mill): Promise<unknown> {
  const kinds = ['Node', 'Service', 'Task', 'Volume'] as const;
  const lists = await Promise.all(kinds.map((kind) => mill.list(kind)));
  return lists
    .flat()
    .map(({ kind, metadata: { name, uid, generation }, spec }) => ({ kind, name, uid, generation, spec }));
}

/** Stops mill, and starts it on what the backup holds, in another directory. */
async function moveBy(mill: Mill, backup: string, data: string): Promise<void> {
  await mill.stop();
  await mill.ok('restore', backup, '--data', data);
  const from = mill.dataDir;
  mill.dataDir = data;
  mill.takeVolumes(from);
  await mill.up();
}

describe('a backup of a running mill', function () {
  this.timeout(120_000);
  let mill: Mill;
  let backup: string;

  before(async () => {
    mill = await Mill.start();
    backup = join(mill.home, 'mill.jsonl');
    await mill.apply(web('web'), ...counter(await freePort()), endlessTask('report'));
    await mill.untilHealthy('web', 'counter');
    await mill.until('Task', 'report running', ([task]) => task?.status.phase === 'running');
    await mill.ok('backup', backup);
  });
  after(() => mill.close());

  it('is taken while all goes on, and nothing is wrong with it', async () => {
    expect(await mill.ok('backup', join(mill.home, 'another.jsonl'))).to.match(
      /: \d+ objects at revision \d+\n$/,
    );
    expect(await mill.ok('verify', backup)).to.match(/\nno problems\n$/);
    expect((await mill.ok('backup', '-')).split('\n').length).to.be.greaterThan(10);
  });

  it('is refused over a store that is there, in use or not, and where it is damaged', async () => {
    const inUse = await mill.run(['verify', '--data', mill.dataDir]);
    expect(inUse.stderr).to.match(/^mill: the store in \S+ is in use by process \d+: stop it first/);
    const over = await mill.run(['restore', backup, '--data', mill.dataDir]);
    expect(over.code).to.equal(1);
    expect(over.stderr).to.match(
      /^mill: there is something in \S+ \(.*\): a backup is restored only where nothing is/,
    );
    const bytes = readFileSync(backup);
    const cut = join(mill.home, 'cut.jsonl');
    writeFileSync(cut, bytes.subarray(0, bytes.length / 2));
    const flipped = join(mill.home, 'flipped.jsonl');
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
    writeFileSync(flipped, bytes);
    for (const file of [cut, flipped]) {
      const damaged = await mill.run(['restore', file, '--data', join(mill.home, 'none')]);
      expect(damaged, file).to.include({ code: 1, stdout: '' });
      expect(damaged.stderr).to.match(/: line \d+: .*; nothing was restored\n$/);
      expect((await mill.run(['verify', file])).code).to.equal(1);
    }
    expect(readdirSync(join(mill.home, 'none'))).to.deep.equal([]);
  });

  it('fails where the reader of the pipe goes away, as a backup that nobody has is none', async () => {
    const child = mill.start(['backup', '-']);
    child.stdout?.destroy();
    const [code] = await once(child, 'close');
    expect(code).to.equal(1);
  });

  it('makes a mill elsewhere with the same objects, whose workloads run and whose nodes drain', async () => {
    await mill.ok('backup', backup);
    const before = await wanted(mill);
    await moveBy(mill, backup, join(mill.home, 'elsewhere'));
    expect(await wanted(mill)).to.deep.equal(before);
    await mill.untilHealthy('web', 'counter');
    const drained = await mill.run(['drain', 'node-2']);
    expect(drained, drained.stdout + drained.stderr).to.include({ code: 0 });
    await mill.untilHealthy('web', 'counter');
    const active = (await mill.list('Alloc')).filter((alloc) => !isTerminal(alloc));
    expect([...new Set(mill.workloads().map(({ alloc }) => alloc))].sort()).to.deep.equal(
      active.map((alloc) => alloc.metadata.name).sort(),
    );
    await mill.stop();
    expect(await mill.ok('verify', '--data', mill.dataDir)).to.match(/\nno problems\n$/);
  });

  it('is the same of a mill that is stopped, from which it was made', async () => {
    const stopped = join(mill.home, 'stopped.jsonl');
    await mill.ok('backup', stopped, '--data', mill.dataDir);
    const again = join(mill.home, 'again');
    await mill.ok('restore', stopped, '--data', again);
    const copy = join(mill.home, 'copy.jsonl');
    await mill.ok('backup', copy, '--data', again);
    const moved = objectsIn(stopped).map((line) => line.replaceAll(mill.dataDir, again));
    expect(objectsIn(copy)).to.deep.equal(moved);
  });
});

describe('a backup that was taken in the middle of a drain', function () {
  this.timeout(120_000);

  it('is a drain that goes on by itself where it is restored', async () => {
    const mill = await Mill.start();
    try {
      const backup = join(mill.home, 'mill.jsonl.gz');
      // Long enough healthy before the original stops, for a backup in between.
      await mill.apply(web('web', { migration: { minHealthy: '1s' } }));
      await mill.untilHealthy('web');
      await mill.ok('drain', 'node-3', '--detach');
      await mill.until(
        'Migration',
        'a migration under way',
        ([first]) => first?.status.replacement !== undefined,
      );
      await mill.ok('backup', backup);
      expect(await mill.ok('verify', backup)).to.match(/\nmigrations +1\n(.*\n)+no problems\n$/);
      await moveBy(mill, backup, join(mill.home, 'elsewhere'));
      await mill.until('Node', 'node-3 drained', (nodes) =>
        nodes.some(({ metadata, status }) => metadata.name === 'node-3' && status.drain?.step === 'drained'),
      );
      await mill.untilHealthy('web');
      expect(activeOn(await mill.list('Alloc'), 'node-3')).to.deep.equal([]);
      expect(await mill.ok('remove', 'node-3')).to.match(/removed/);
    } finally {
      await mill.close();
    }
  });
});
