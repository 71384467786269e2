/** Makes a bucket of the objects of a backup: all of it, or one that no server takes for a store. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { NatsConnection } from 'nats';
import type { Clock } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import { atRevision } from '../frozen.ts';
import { type ImportedObjects, REVISION_GAP } from '../import.ts';
import type { JetStreamApi, StreamInfo } from './api.ts';
import { checkCanSkip, openObjects, type Replicas, traitsOf } from './bucket.ts';
import { checkSize } from './flight.ts';
import { genesisDraft, readGenesis } from './genesis.ts';
import { NatsStream } from './nats-stream.ts';
import { type Content, type Draft, draft, idOf, RESTORE } from './records.ts';
import { Sender } from './sender.ts';
import { Subjects } from './subjects.ts';

export interface BucketImportOptions {
  readonly connection: NatsConnection;
  readonly api: JetStreamApi;
  readonly bucket: string;
  /** Absent: three in a cluster, else one. */
  readonly replicas?: Replicas;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ImportedBucket {
  /** Revision of its last record. */
  readonly revision: number;
  /** Of the new cluster: it is another than the one that the backup is of. */
  readonly cluster: string;
}

/** @throws Error in one line where there is a bucket already, or anything else under its name */
export async function refuseUnlessEmptyBucket(api: JetStreamApi, bucket: string): Promise<void> {
  const subjects = new Subjects(bucket);
  const info = await api.streamInfo(subjects.stream);
  if (!info || info.state.messages === 0) return;
  // What a restore has left by halves is no store to anybody.
  const isBegun = await api.message(subjects.stream, { last_by_subj: subjects.internal(RESTORE) });
  if (isBegun && !(await readGenesis({ api, subjects }))) return;
  throw new Error(
    `there is something in the bucket ${bucket}: a backup is restored only where nothing is; choose another bucket, or delete the stream ${subjects.stream}`,
  );
}

/**
 * Its first record says that it is being restored, its last one names the cluster: without that no server opens it.
 * @throws Error where something is there already; nothing is changed then
 */
export async function importBucket(
  options: BucketImportOptions,
  { revision, objects }: ImportedObjects,
): Promise<ImportedBucket> {
  const { api, bucket, connection } = options;
  await refuseUnlessEmptyBucket(api, bucket);
  checkCanSkip(connection);
  const subjects = new Subjects(bucket);
  const info = await prepare(options, subjects, revision + REVISION_GAP);
  try {
    return await fill(options, subjects, info, objects);
  } catch (error) {
    // Where that fails as well, its first record still says what it is.
    await api.empty(subjects.stream).catch(() => {});
    throw error;
  }
}

/** The stream, empty, at the place where it goes on. Servers may empty streams, and need not be able to delete them. */
async function prepare(
  { api, connection, replicas }: BucketImportOptions,
  subjects: Subjects,
  first: number,
): Promise<StreamInfo> {
  const wanted = replicas === undefined ? {} : { replicas };
  const { state } = await openObjects({ api, connection, subjects, ...wanted }, true);
  const next = Math.max(first, state.last_seq + 1);
  await api.empty(subjects.stream, next);
  const info = await api.streamInfo(subjects.stream);
  if (info?.state.messages === 0 && info.state.last_seq === next - 1) return info;
  throw new Error(
    `stream ${subjects.stream} does not begin with revision ${next}: somebody else writes to it`,
  );
}

async function fill(
  { connection, api, clock, log }: BucketImportOptions,
  subjects: Subjects,
  info: StreamInfo,
  objects: ImportedObjects['objects'],
): Promise<ImportedBucket> {
  const traits = traitsOf(info, connection);
  const stream = new NatsStream({
    connection,
    clock,
    log,
    stream: subjects.stream,
    compares: 'stream',
    // No id of a message is of use here: every answer is waited for.
    traits: { ...traits, mode: 'serial' },
  });
  const idAt = (sequence: number) => idOf(api, subjects.stream, sequence);
  const sender = new Sender({ stream, mode: traits.mode, idAt, clock });
  const chain = new Chain(info.state.last_seq);
  await sender.add(chain.next(subjects.internal(RESTORE), { type: 'mark' }));
  for await (const object of objects) {
    const stored = atRevision(object, chain.after + 1);
    const data = JSON.stringify(stored);
    checkSize(data, traits.maxRecordBytes);
    await sender.add(chain.next(subjects.of(object), { type: 'put', object: stored }, data));
  }
  await sender.flush();
  const cluster = randomUUID();
  await sender.add(genesisDraft(subjects, cluster, chain));
  await sender.flush();
  return { revision: chain.after + 1, cluster };
}

/** Records one after the other, each of which names the one before it. */
class Chain {
  /** Sequence of the last one. */
  after: number;
  /** Its id; empty before the first. */
  previous = '';
  readonly #run = randomBytes(9).toString('base64url');
  #count = 0;

  constructor(after: number) {
    this.after = after;
  }

  next(subject: string, content: Content, data = ''): Draft {
    const { after, previous } = this;
    const id = `${this.#run}-${(this.#count++).toString(36)}`;
    this.after += 1;
    this.previous = id;
    return draft({ id, previous, after, isChained: false, subject, content, data });
  }
}
