/** What `mill verify` finds in the log of a bucket that something went wrong with, on a real server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { headers, type NatsConnection } from 'nats';
import { systemClock } from '../../../api/clock.ts';
import { type Nats, startNats } from '../../../hack/nats/servers.ts';
import { JetStreamApi } from '../../../runtime/store/jetstream/api.ts';
import { connectToNats } from '../../../runtime/store/jetstream/connection.ts';
import { verifyBucket } from '../../../runtime/store/jetstream/verify.ts';
import { openStore } from '../../vocabulary/jetstream.ts';
import { natsDir, needsNats } from '../../vocabulary/nats.ts';
import { actor, blindly, event, put } from '../objects.ts';

const STREAM = 'KV_mill';
const CLIENT_TIMEOUT_MS = 2_000;

describe('the audit of a bucket', function () {
  this.timeout(60_000);
  let nats: Nats;
  let connection: NatsConnection;
  let api: JetStreamApi;
  let dir: string;

  before(async function () {
    await needsNats(this, 'current');
  });
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mill-verify-'));
    nats = await startNats({ dir: await natsDir() });
    connection = await connectToNats({ servers: nats.urls }, 'test');
    api = new JetStreamApi(connection);
    const store = await openStore({
      nats: { servers: nats.urls },
      dir,
    });
    for (const name of ['a', 'b', 'c']) await store.commit(actor, blindly(put(event(name))));
    await store.close();
  });
  afterEach(async () => {
    await connection?.close();
    await nats?.close();
    await rm(dir, { recursive: true });
  });

  const verify = () => verifyBucket({ connection, api, bucket: 'mill', clock: systemClock });
  const found = async () => (await verify()).problems.map(({ path, message }) => `${path}: ${message}`);
  /** A record as anybody could write it who may write to the subjects. */
  const write = async (subject: string, data: string, fields: Record<string, string> = {}) => {
    const message = headers();
    for (const [name, value] of Object.entries(fields)) message.append(name, value);
    await connection.request(`$KV.mill.${subject}`, data, { headers: message, timeout: CLIENT_TIMEOUT_MS });
  };
  const lastId = async () => {
    const last = (await api.streamInfo(STREAM))?.state.last_seq ?? 0;
    const hdrs = (await api.message(STREAM, { seq: last }))?.hdrs ?? '';
    return /Mill-Attempt: *(\S+)/.exec(Buffer.from(hdrs, 'base64').toString())?.[1] ?? '';
  };

  it('finds nothing where nothing is wrong', async () => {
    const report = await verify();
    expect(report.problems).to.deep.equal([]);
    expect(report.warnings).to.deep.equal([]);
    expect(report.state.count('Event')).to.equal(3);
    expect(report.facts).to.include({ replicas: 1, records: 4 });
  });

  it('finds what mill did not write, and judges what comes after it', async () => {
    await write('events.d', '{}');
    await write('events.e', JSON.stringify(event('e')), {
      'Mill-Attempt': 'x',
      'Mill-Previous': 'foreign.5',
    });
    await write('events.f', JSON.stringify(event('f')), { 'Mill-Attempt': 'z', 'Mill-Previous': 'y' });
    expect(await found()).to.deep.equal([
      'revision 5: what is on $KV.mill.events.d was not written by mill',
      'revision 7: record 7 follows upon y, not upon x',
    ]);
  });

  it('finds what is no JSON, and what is on the subject of something else', async () => {
    await write('events.d', '{"kind":', { 'Mill-Attempt': 'd', 'Mill-Previous': await lastId() });
    await write('events.e', JSON.stringify(event('other')), { 'Mill-Attempt': 'e', 'Mill-Previous': 'd' });
    expect(await found()).to.deep.equal([
      'revision 5: what is on $KV.mill.events.d is not JSON',
      'revision 6: record 6 on $KV.mill.events.e holds another object: Event other',
    ]);
  });

  it('finds a commit that was never finished', async () => {
    const parts = [{ subject: '$KV.mill.events.d', after: 5, isChained: false, headers: {}, data: '' }];
    await write('_.commit', JSON.stringify(parts), { 'Mill-Attempt': 'd', 'Mill-Previous': await lastId() });
    expect(await found()).to.deep.equal([
      'revision 5: the log ends in the middle of a commit; the next server that starts finishes it',
    ]);
  });

  it('finds a stream that forgets what it has acknowledged', async () => {
    const info = await api.streamInfo(STREAM);
    if (!info) throw new Error('there is no stream');
    await api.updateStream({ ...info.config, max_age: 3_600_000_000_000 });
    expect(await found()).to.deep.equal([
      `stream ${STREAM}: its max_age is 3600000000000: it must be 0, or objects get lost`,
    ]);
  });

  it('says where there is no bucket', async () => {
    const failure = await verifyBucket({ connection, api, bucket: 'other', clock: systemClock }).catch(
      (error: Error) => error.message,
    );
    expect(failure).to.equal('there is no bucket other: stream KV_other does not exist');
  });
});
