/** Buckets that are made of backups, and the way back, on real servers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { NatsConnection } from 'nats';
import { backedUpKinds } from '../../../api/backup/format.ts';
import { openBackup } from '../../../api/backup/read.ts';
import { captureState, writeBackup } from '../../../api/backup/write.ts';
import { systemClock } from '../../../api/clock.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import { silentLog } from '../../../api/log.ts';
import type { Reader } from '../../../api/store.ts';
import type { NatsRelease } from '../../../hack/nats/releases.ts';
import { type Nats, startNats } from '../../../hack/nats/servers.ts';
import { openEmbeddedStore } from '../../../runtime/store/embedded.ts';
import { importStore, REVISION_GAP } from '../../../runtime/store/import.ts';
import { JetStreamApi } from '../../../runtime/store/jetstream/api.ts';
import { connectToNats } from '../../../runtime/store/jetstream/connection.ts';
import { importBucket } from '../../../runtime/store/jetstream/import.ts';
import type { JetStreamStore } from '../../../runtime/store/jetstream/store.ts';
import { verifyBucket } from '../../../runtime/store/jetstream/verify.ts';
import { openStore } from '../../vocabulary/jetstream.ts';
import { natsDir, needsNats } from '../../vocabulary/nats.ts';
import { alloc, node, service } from '../../vocabulary/objects.ts';
import { actor, blindly, event, put } from '../objects.ts';

const REVISION = 5_000;
const BUCKET = 'mill';
/** More than are sent together, in two kinds of subjects. */
const ALLOCS = 600;
const OBJECTS: readonly AnyObject[] = [
  node('node-1'),
  node('node.with.dots'),
  service('web'),
  ...Array.from({ length: ALLOCS }, (_, index) =>
    alloc(`web-${index}`, { slot: index, node: 'node.with.dots' }),
  ),
];

const SETUPS: readonly (readonly [NatsRelease, 1 | 3])[] = [
  ['current', 1],
  ['stable', 3],
  ['current', 3],
];

async function* each<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values;
}

const backup = (objects: AsyncIterable<AnyObject> = each(OBJECTS)) => ({
  count: OBJECTS.length,
  revision: REVISION,
  objects,
});

/** All that is kept, without the revisions, which a bucket gives anew. */
const contentOf = (state: Reader): unknown =>
  backedUpKinds().flatMap((kind) =>
    state.list(kind).map((object) => ({ ...object, metadata: { ...object.metadata, resourceVersion: '' } })),
  );

describe('a bucket that is made of a backup', function () {
  this.timeout(180_000);
  const dirs: string[] = [];
  let nats: Nats | undefined;
  let connection: NatsConnection;
  let api: JetStreamApi;

  const newDir = async () => {
    const dir = await mkdtemp(join(tmpdir(), 'mill-restore-'));
    dirs.push(dir);
    return dir;
  };
  const start = async (release: NatsRelease, servers: 1 | 3) => {
    nats = await startNats({ release, servers, dir: await natsDir() });
    connection = await connectToNats({ servers: nats.urls }, 'test');
    api = new JetStreamApi(connection);
    return nats;
  };
  const restore = (objects?: AsyncIterable<AnyObject>) =>
    importBucket({ connection, api, bucket: BUCKET, clock: systemClock, log: silentLog }, backup(objects));
  const verify = () => verifyBucket({ connection, api, bucket: BUCKET, clock: systemClock });
  const open = async (): Promise<JetStreamStore> =>
    openStore({
      nats: { servers: nats?.urls ?? [] },
      bucket: BUCKET,
      dir: await newDir(),
    });
  const refusal = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => '',
      (error: Error) => error.message,
    );

  before(async function () {
    await needsNats(this, 'old', 'stable', 'current');
  });
  afterEach(async () => {
    await connection?.close();
    await nats?.close();
    for (const dir of dirs.splice(0)) await rm(dir, { recursive: true });
  });

  for (const [release, servers] of SETUPS) {
    it(`holds the same objects at later revisions, on ${servers} × ${release}, and comes back the same`, async () => {
      await start(release, servers);
      const { revision, cluster } = await restore();
      expect(revision).to.be.greaterThan(REVISION + REVISION_GAP);
      const report = await verify();
      expect(report.problems).to.deep.equal([]);
      expect(report).to.include({ cluster });
      expect(report.facts).to.include({ replicas: servers });

      const store = await open();
      expect(store.clusterId).to.equal(cluster);
      expect(store.state.revision).to.equal(revision);
      expect(contentOf(store.state)).to.have.deep.members(
        OBJECTS.map((object) => ({ ...object, metadata: { ...object.metadata, resourceVersion: '' } })),
      );
      const committed = await store.commit(actor, blindly(put(event('a'))));
      expect(committed.revision).to.equal(revision + 1);
      const image = captureState(store.state);
      const content = contentOf(store.state);
      await store.close();

      const { header, objects } = await openBackup(
        each(writeBackup(image, { mill: 'test', time: '', cluster })),
      );
      const dir = join(await newDir(), 'store');
      await importStore(dir, { count: header.objects, revision: header.revision, objects });
      const embedded = await openEmbeddedStore({
        dir,
        clock: systemClock,
        log: silentLog,
        admission: () => {},
      });
      expect(contentOf(embedded.state)).to.deep.equal(content);
      await embedded.close();
    });
  }

  it('is refused by servers that cannot begin with a later revision', async () => {
    await start('old', 1);
    expect(await refusal(restore())).to.match(/^nats-server 2\.9\.\d+ cannot begin with a later revision, /);
    expect(await api.streamInfo(`KV_${BUCKET}`)).to.equal(undefined);
  });

  it('is refused where a bucket is, and leaves that as it is', async () => {
    await start('current', 1);
    const store = await open();
    await store.commit(actor, blindly(put(event('a'))));
    await store.close();
    expect(await refusal(restore())).to.match(
      /^there is something in the bucket mill: a backup is restored only where nothing is/,
    );
    expect((await verify()).state.count('Event')).to.equal(1);
  });

  it('is empty again where the backup turns out to be damaged', async () => {
    await start('current', 1);
    const damaged = (async function* () {
      yield* OBJECTS;
      throw new Error('line 700: it was changed');
    })();
    expect(await refusal(restore(damaged))).to.equal('line 700: it was changed');
    expect((await api.streamInfo(`KV_${BUCKET}`))?.state.messages).to.equal(0);
    await restore();
    expect((await verify()).problems).to.deep.equal([]);
  });

  it('is no store for any server where it was restored by halves, until it is restored again', async () => {
    await start('current', 1);
    const brokenOff = (async function* () {
      yield* OBJECTS;
      await connection.close();
    })();
    expect(await refusal(restore(brokenOff))).to.not.equal('');
    expect(await refusal(open())).to.equal(
      'the restore into stream KV_mill was not finished: run "mill restore" again',
    );
    connection = await connectToNats({ servers: nats?.urls ?? [] }, 'test');
    api = new JetStreamApi(connection);
    expect((await verify()).problems.map(({ message }) => message)).to.deep.equal([
      'no record names its cluster: it is none of mill, or was restored by halves',
    ]);
    await restore();
    expect((await verify()).problems).to.deep.equal([]);
  });

  it('is whole though the leader of the stream is killed in the middle', async () => {
    const { leader } = await start('current', 3).then((started) => ({
      leader: started.leader.bind(started),
    }));
    const interrupted = (async function* () {
      for (const [index, object] of OBJECTS.entries()) {
        if (index === ALLOCS / 2) await (await leader(`KV_${BUCKET}`)).kill();
        yield object;
      }
    })();
    await restore(interrupted);
    const report = await verify();
    expect(report.problems).to.deep.equal([]);
    expect(report.state.count('Alloc')).to.equal(ALLOCS);
    expect(report.warnings).to.have.length(1);
  });
});
