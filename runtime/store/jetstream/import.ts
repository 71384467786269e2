/** Makes a bucket of the objects of a backup: all of it, or one that no server takes for a store. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { NatsConnection } from 'nats';
import type { Clock } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import { atRevision } from '../frozen.ts';
import { type ImportedObjects, REVISION_GAP } from '../import.ts';
import type { JetStreamApi, StreamInfo } from './api.ts';
import { openObjects, type Replicas, traitsOf, versionOf } from './bucket.ts';
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

/**
 * @returns whether there is an import that was not finished
 * @throws Error in one line where there is a bucket already, or anything else under its name
 */
export async function refuseUnlessEmptyBucket(api: JetStreamApi, bucket: string): Promise<boolean> {
  const subjects = new Subjects(bucket);
  const info = await api.streamInfo(subjects.stream);
  if (!info || info.state.messages === 0) return false;
  const isBegun = await api.message(subjects.stream, { last_by_subj: subjects.internal(RESTORE) });
  if (isBegun && !(await readGenesis({ api, subjects }))) return true;
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
  const { api, bucket } = options;
  const subjects = new Subjects(bucket);
  const isLeftOver = await refuseUnlessEmptyBucket(api, bucket);
  const found = isLeftOver || (await api.streamInfo(subjects.stream)) !== undefined;
  // Empty, or begun by a restore that broke off: it gives other revisions than a restored one must.
  if (found) await api.deleteStream(subjects.stream);
  const info = await create(options, subjects, revision + REVISION_GAP);
  try {
    return await fill(options, subjects, info, objects);
  } catch (error) {
    await api.deleteStream(subjects.stream).catch(() => {});
    throw error;
  }
}

async function create(
  { api, connection, replicas }: BucketImportOptions,
  subjects: Subjects,
  firstSequence: number,
): Promise<StreamInfo> {
  const wanted = replicas === undefined ? {} : { replicas };
  const info = await openObjects({ api, connection, subjects, firstSequence, ...wanted }, true);
  if (info.state.last_seq === firstSequence - 1) return info;
  await api.deleteStream(subjects.stream);
  throw new Error(
    `nats-server ${versionOf(connection)} cannot begin with revision ${firstSequence}, and what is restored must not give out earlier ones again: use 2.10 or newer`,
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
    traits: () => ({ ...traits, mode: 'serial' }),
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
