/** The local volume driver, on a real directory. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLocalVolumeDriver } from '../../../runtime/drivers/local-volume.ts';

describe('local volume driver', () => {
  let dir: string;
  let driver: ReturnType<typeof createLocalVolumeDriver>;
  const volume = { name: 'data', uid: 'uid-1', sizeBytes: 1024 };
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => 'it succeeded',
      (error: Error) => error.message,
    );

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mill-volume-'));
    driver = createLocalVolumeDriver({ dir });
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('provisions once, however often and by however many it is asked', async () => {
    const handles = await Promise.all(Array.from({ length: 8 }, () => driver.provision(volume)));
    expect(new Set(handles).size).to.equal(1);
    expect(await driver.attachedTo(volume)).to.equal(undefined);
    expect(await readdir(join(dir, '.new'))).to.deep.equal([]);
  });

  it('does not provision a second, empty copy of an attached volume', async () => {
    await driver.provision(volume);
    await driver.attach(volume, 'node-1');
    await driver.provision(volume);
    expect(await failure(driver.attach(volume, 'node-2'))).to.equal(
      'volume "data" is attached to node "node-1"',
    );
  });

  it('lets one of many attachers through', async () => {
    await driver.provision(volume);
    const nodes = Array.from({ length: 10 }, (_, index) => `node-${index}`);
    const results = await Promise.allSettled(
      nodes.map((node) => createLocalVolumeDriver({ dir }).attach(volume, node)),
    );
    const winners = nodes.filter((_, index) => results[index]?.status === 'fulfilled');
    expect(winners).to.have.length(1);
    expect(await driver.attachedTo(volume)).to.equal(winners[0]);
  });

  it('attaches twice to one node without complaint', async () => {
    await driver.provision(volume);
    await driver.attach(volume, 'node-1');
    await driver.attach(volume, 'node-1');
    expect(await driver.attachedTo(volume)).to.equal('node-1');
  });

  it('keeps the data over every move, and leaves the former holder nothing to write to', async () => {
    await driver.provision(volume);
    await driver.attach(volume, 'node-1');
    const first = await driver.mount(volume, 'node-1');
    await writeFile(join(first, 'row'), 'kept');
    await driver.unmount(volume, 'node-1');
    await driver.detach(volume, 'node-1');
    await driver.attach(volume, 'node-2');
    const second = await driver.mount(volume, 'node-2');
    expect(await readFile(join(second, 'row'), 'utf8')).to.equal('kept');
    expect(await failure(writeFile(join(first, 'late'), 'x'))).to.match(/^ENOENT/);
    expect(await failure(driver.mount(volume, 'node-1'))).to.equal(
      'volume "data" is not attached to node "node-1"',
    );
  });

  it('does not detach it from a node that does not hold it', async () => {
    await driver.provision(volume);
    await driver.attach(volume, 'node-1');
    await driver.detach(volume, 'node-2');
    expect(await driver.attachedTo(volume)).to.equal('node-1');
  });

  it('takes detaching and destroying what is not there for done', async () => {
    await driver.detach(volume, 'node-1');
    await driver.destroy(volume);
    expect(await failure(driver.attach(volume, 'node-1'))).to.equal('volume "data" does not exist');
  });

  it('refuses to destroy it while it is attached', async () => {
    await driver.provision(volume);
    await driver.attach(volume, 'node-1');
    expect(await failure(driver.destroy(volume))).to.equal(
      'cannot delete volume "data": it is attached to node "node-1"',
    );
    await driver.detach(volume, 'node-1');
    await driver.destroy(volume);
    await driver.destroy(volume);
    expect(await readdir(dir)).to.have.members(['.new', '.old']);
  });

  it('gives either the attacher or the destroyer the volume, never both', async () => {
    for (let round = 0; round < 20; round++) {
      const raced = { ...volume, uid: `uid-${round}` };
      await driver.provision(raced);
      const [attached, destroyed] = await Promise.allSettled([
        driver.attach(raced, 'node-1'),
        driver.destroy(raced),
      ]);
      expect([attached.status, destroyed.status].sort()).to.deep.equal(['fulfilled', 'rejected']);
    }
  });

  it('keeps two volumes of one name apart', async () => {
    const later = { ...volume, uid: 'uid-2' };
    await driver.provision(volume);
    await driver.provision(later);
    await driver.attach(volume, 'node-1');
    await driver.attach(later, 'node-2');
    expect([await driver.attachedTo(volume), await driver.attachedTo(later)]).to.deep.equal([
      'node-1',
      'node-2',
    ]);
  });

  it('refuses names that lead out of its directory', async () => {
    expect(await failure(driver.provision({ ...volume, name: '../x' }))).to.match(/is not a DNS name/);
    expect(await failure(driver.provision({ ...volume, uid: '..' }))).to.match(/malformed uid/);
    expect(await failure(driver.attach(volume, '../../x'))).to.match(/is not a DNS name/);
  });
});
