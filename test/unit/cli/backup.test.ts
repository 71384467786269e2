import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { Processes } from '../../../api/cli/processes.ts';
import { systemClock } from '../../../api/clock.ts';
import { silentLog } from '../../../api/log.ts';
import { createStores } from '../../../controllers/processes/stores/stores.ts';
import { openEmbeddedStore } from '../../../runtime/store/embedded.ts';
import { healthyAlloc, node, service, volume } from '../../vocabulary/objects.ts';
import { backupOf, refusalOf, stateOf } from '../backup/states.ts';
import { FakeConnection } from './fake-connection.ts';
import { FakeSurroundings, run, runIn } from './fake-surroundings.ts';

const web = service('web');
const BACKUP = backupOf(stateOf(node('node-1'), node('node-2'), web, healthyAlloc('web-0', web)));
const BROKEN = backupOf(stateOf(web, healthyAlloc('web-0', web)));
const processes: Partial<Processes> = { stores: async () => createStores(systemClock) };

const serving = (backup: Buffer): FakeConnection => {
  const connection = new FakeConnection();
  connection.backupPieces = [backup.subarray(0, 700), backup.subarray(700)];
  return connection;
};

describe('backups on the command line', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mill-backup-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  const file = (name: string) => join(dir, name);
  const backUp = (name: string, ...more: string[]) =>
    run(['backup', name === '-' ? name : file(name), ...more], { connection: serving(BACKUP) });
  const mill = (...words: string[]) => run(words, { processes });

  describe('mill backup', () => {
    it('writes what the server sends to a file that is readable by its owner alone', async () => {
      const { exitCode, stdout, stderr } = await backUp('b.jsonl');
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' });
      expect(stdout).to.equal(`${file('b.jsonl')}: 4 objects at revision 1000\n`);
      expect(await readFile(file('b.jsonl'))).to.deep.equal(BACKUP);
      expect((await stat(file('b.jsonl'))).mode & 0o777).to.equal(0o600);
    });

    it('compresses it where its name says so, and takes the place of an earlier one', async () => {
      await writeFile(file('b.jsonl.gz'), 'an earlier one');
      await backUp('b.jsonl.gz');
      expect(gunzipSync(await readFile(file('b.jsonl.gz')))).to.deep.equal(BACKUP);
      expect(await readdir(dir)).to.deep.equal(['b.jsonl.gz']);
    });

    it('writes it to standard output, and what there is to say beside it', async () => {
      const { exitCode, stdout, stderr } = await backUp('-');
      expect({ exitCode, stdout }).to.deep.equal({ exitCode: 0, stdout: BACKUP.toString() });
      expect(stderr).to.equal('backup: 4 objects at revision 1000\n');
    });

    it('tells a script what it wrote', async () => {
      const { stdout } = await backUp('b.jsonl', '-o', 'json');
      expect(JSON.parse(stdout)).to.include({ file: file('b.jsonl'), objects: 4, revision: 1_000 });
      expect((await backUp('c.jsonl', '-o', 'name')).stdout).to.equal(`${file('c.jsonl')}\n`);
    });

    it('leaves nothing behind where the backup breaks off, and keeps the earlier one', async () => {
      await writeFile(file('b.jsonl'), 'an earlier one');
      const connection = serving(BACKUP.subarray(0, -40));
      const { exitCode, stderr } = await run(['backup', file('b.jsonl')], { connection });
      expect(exitCode).to.equal(1);
      expect(stderr).to.match(/^mill: what came is no whole backup: line 6: it is cut short/);
      expect(await readFile(file('b.jsonl'), 'utf8')).to.equal('an earlier one');
      expect(await readdir(dir)).to.deep.equal(['b.jsonl']);
    });

    it('leaves nothing behind on Ctrl-C', async () => {
      const connection = serving(BACKUP);
      const surroundings = new FakeSurroundings({ connection });
      connection.backup = async function* () {
        yield BACKUP.subarray(0, 700);
        for (const interrupt of surroundings.interrupts) interrupt();
        await new Promise(() => {});
      };
      expect(await runIn(surroundings, ['backup', file('b.jsonl')])).to.equal(130);
      expect(await readdir(dir)).to.deep.equal([]);
      expect(surroundings.interrupts.size).to.equal(0);
    });

    it('does not put a file in the place of a device, nor where it may not', async () => {
      await symlink('/dev/null', file('device'));
      expect((await backUp('device')).stderr).to.include('it is there, and no file');
      expect((await backUp('no/such/place')).stderr).to.equal(
        `mill: ${file('no/such/place')}: no such file or directory\n`,
      );
    });

    it('asks for what the server has, current or not, with --stale', async () => {
      const connection = serving(BACKUP);
      const asked: unknown[] = [];
      connection.backup = async function* (options) {
        asked.push(options?.stale);
        yield BACKUP;
      };
      await run(['backup', file('b.jsonl'), '--stale'], { connection });
      expect(asked).to.deep.equal([true]);
    });
  });

  describe('mill restore', () => {
    beforeEach(() => writeFile(file('b.jsonl'), BACKUP));

    it('makes a store where none is, which is backed up to the same', async () => {
      const { exitCode, stdout, stderr } = await mill('restore', file('b.jsonl'), '--data', file('data'));
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' });
      expect(stdout)
        .to.match(/^KIND +OBJECTS\nnodes +2\nservices +1\nallocs +1\n/)
        .and.match(/is restored into \S+\/data\/store, which goes on after revision 1000001000\n$/);
      expect((await mill('backup', file('again.jsonl'), '--data', file('data'))).exitCode).to.equal(0);
      const objects = async (name: string) => (await readFile(file(name), 'utf8')).split('\n').slice(1, -2);
      expect(await objects('again.jsonl')).to.deep.equal(await objects('b.jsonl'));
    });

    it('reads standard input', async () => {
      const { exitCode } = await run(['restore', '-', '--data', file('data')], {
        processes,
        stdin: BACKUP.toString(),
      });
      expect(exitCode).to.equal(0);
    });

    it('says what it would do, and does nothing, with --dry-run', async () => {
      const { exitCode, stdout } = await mill(
        'restore',
        file('b.jsonl'),
        '--data',
        file('data'),
        '--dry-run',
      );
      expect(exitCode).to.equal(0);
      expect(stdout).to.match(/would be restored into \S+\/data\/store \(dry run: nothing was written\)\n$/);
      expect(await readdir(dir)).to.deep.equal(['b.jsonl']);
      const json = await mill('restore', file('b.jsonl'), '--data', file('data'), '--dry-run', '-o', 'json');
      expect(JSON.parse(json.stdout)).to.deep.include({
        dryRun: true,
        objects: { Node: 2, Service: 1, Alloc: 1 },
      });
    });

    it('touches no store that is there, in a dry run either', async () => {
      await mill('restore', file('b.jsonl'), '--data', file('data'));
      for (const more of [[], ['--dry-run']]) {
        const { exitCode, stderr } = await mill('restore', file('b.jsonl'), '--data', file('data'), ...more);
        expect(exitCode).to.equal(1);
        expect(stderr).to.match(/^mill: there is something in \S+\/data\/store/);
      }
    });

    it('refuses what is damaged, and says in which line', async () => {
      await writeFile(file('cut.jsonl'), BACKUP.subarray(0, 900));
      const { exitCode, stderr } = await mill('restore', file('cut.jsonl'), '--data', file('data'));
      expect(exitCode).to.equal(1);
      expect(stderr).to.equal(
        `mill: ${file('cut.jsonl')}: ${await refusalOf(BACKUP.subarray(0, 900))}; nothing was restored\n`,
      );
      expect(await readdir(file('data'))).to.deep.equal([]);
    });

    it('leaves nothing behind on Ctrl-C', async () => {
      const surroundings: FakeSurroundings = new FakeSurroundings({
        async *stdin() {
          yield BACKUP.subarray(0, 1_200);
          for (const interrupt of surroundings.interrupts) interrupt();
          yield BACKUP.subarray(1_200);
        },
      });
      const words = ['restore', '-', '--data', file('data')];
      expect(await runIn(surroundings, words, { processes })).to.equal(130);
      expect(await readdir(file('data'))).to.deep.equal([]);
    });

    it('looks for local volumes in the new data directory', async () => {
      const data = volume('data', {}, { handle: '/old/volumes/data/volume-data-uid' });
      await writeFile(file('v.jsonl'), backupOf(stateOf(data)));
      await mill('restore', file('v.jsonl'), '--data', file('data'));
      const text = (await mill('backup', '-', '--data', file('data'))).stdout;
      expect(text).to.include(`"handle":"${file('data/volumes/data/volume-data-uid')}"`);
      await mill('restore', file('v.jsonl'), '--data', file('other'), '--volumes', '/shared');
      const shared = (await mill('backup', '-', '--data', file('other'))).stdout;
      expect(shared).to.include('"handle":"/shared/data/volume-data-uid"');
    });

    for (const words of [
      'restore',
      'restore b',
      'restore b --data a --nats c',
      'restore b --nats',
      'verify',
      'verify b --data a',
      'backup x y',
      'backup x --data d --stale',
    ]) {
      it(`"mill ${words}" is wrong usage`, async () => {
        expect(await mill(...words.split(' '))).to.include({ exitCode: 2, stdout: '' });
      });
    }
  });

  describe('mill verify', () => {
    it('finds nothing wrong with a backup, nor with the store that is made of it', async () => {
      await writeFile(file('b.jsonl'), BACKUP);
      const ofFile = await mill('verify', file('b.jsonl'));
      expect(ofFile).to.include({ exitCode: 0, stderr: '' });
      expect(ofFile.stdout).to.match(/revision 1000, mill 0\.1\.0.*\nKIND +OBJECTS\n(.*\n)+no problems\n$/);
      await mill('restore', file('b.jsonl'), '--data', file('data'));
      expect((await mill('verify', '--data', file('data'))).stdout).to.match(/\nno problems\n$/);
    });

    it('names each object that is not as it must be: exit 1', async () => {
      await writeFile(file('b.jsonl'), BROKEN);
      const { exitCode, stdout } = await mill('verify', file('b.jsonl'));
      expect(exitCode).to.equal(1);
      expect(stdout).to.match(
        /\nalloc\/web-0 +spec\.node +node node-1 does not exist, and the alloc is healthy\n1 problem\n$/,
      );
      const { problems } = JSON.parse((await mill('verify', file('b.jsonl'), '-o', 'json')).stdout);
      expect(problems).to.have.length(1);
      expect(problems[0]).to.include({ object: 'alloc/web-0', path: 'spec.node' });
    });

    it('names the line of a backup that is damaged', async () => {
      await writeFile(file('b.jsonl'), BACKUP.subarray(0, -2));
      const { exitCode, stdout } = await mill('verify', file('b.jsonl'), '-o', 'json');
      expect(exitCode).to.equal(1);
      expect(JSON.parse(stdout).problems).to.deep.equal([
        { object: '', path: 'line 6', message: 'it is cut short: the line has no end' },
      ]);
    });

    it('finds an object that its schema would not take, and a journal that is damaged', async () => {
      const store = await openEmbeddedStore({
        dir: file('data/store'),
        clock: systemClock,
        log: silentLog,
        admission: () => {},
      });
      const odd = { ...node('node-1'), spec: { ...node('node-1').spec, addres: 'x' } };
      await store.commit({ user: 'test', groups: [] }, () => ({
        writes: [{ type: 'put', object: odd }],
        result: undefined,
      }));
      await store.close();
      const { exitCode, stdout } = await mill('verify', '--data', file('data'));
      expect(exitCode).to.equal(1);
      expect(stdout).to.match(/\nnode\/node-1 +spec\.addres +unknown field; did you mean "address"\?\n/);
      const journal = await readFile(file('data/store/journal-0000000001.log'));
      journal[200] = (journal[200] ?? 0) ^ 1;
      await writeFile(file('data/store/journal-0000000001.log'), journal);
      const damaged = await mill('verify', '--data', file('data'), '-o', 'json');
      expect(damaged.exitCode).to.equal(1);
      expect(JSON.parse(damaged.stdout).problems[0].message).to.include(
        'journal-0000000001.log is damaged at byte',
      );
    });

    it('says where there is no store', async () => {
      const { exitCode, stderr } = await mill('verify', '--data', file('nowhere'));
      expect({ exitCode, stderr }).to.deep.equal({
        exitCode: 1,
        stderr: `mill: there is no store in ${file('nowhere/store')}\n`,
      });
      expect(await readdir(dir)).to.deep.equal([]);
    });
  });
});
