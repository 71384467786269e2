/** The first record of a bucket names the cluster that it is of; a server that knows it compares the two. */
import { randomUUID } from 'node:crypto';
import { headers, type NatsConnection } from 'nats';
import { type JetStreamApi, JetStreamError, REQUEST_TIMEOUT_MS, type StreamInfo } from './api.ts';
import { LostStreamError } from './bucket.ts';
import { BehindError, readMemory, remedy, whyAnother } from './identity.ts';
import { ATTEMPT, type Draft, draft, idOf, PREVIOUS, RESTORE, STORE } from './records.ts';
import type { Subjects } from './subjects.ts';

/** No code of NATS's: its answer said nothing, and the record is not there. */
const NOT_STORED = 0;
/** Version of the records' layout; a server reads its own only. */
export const FORMAT = 1;

export interface Identity {
  readonly cluster: string;
  readonly info: StreamInfo;
}

export interface IdentityOptions {
  readonly api: JetStreamApi;
  readonly connection: NatsConnection;
  readonly subjects: Subjects;
  /** The file in which this server remembers what it has seen. */
  readonly path: string;
  readonly open: (mayCreate: boolean) => Promise<StreamInfo>;
}

export interface Genesis {
  readonly cluster: string;
  readonly format: number;
}

/** The same as the last record of a bucket that is made of a backup. */
export function genesisDraft(
  subjects: Subjects,
  cluster: string,
  { after, previous }: { readonly after: number; readonly previous: string },
): Draft {
  const genesis: Genesis = { cluster, format: FORMAT };
  const data = JSON.stringify(genesis);
  const subject = subjects.internal(STORE);
  return draft({ id: cluster, previous, after, isChained: false, subject, content: { type: 'mark' }, data });
}

/**
 * Opens the bucket, which gets its first record where it has none.
 * @throws Error in one line where it is not the one that this server remembers, or none of mill's; BehindError where it
 * ends before what this server has seen, as far as the NATS server that answers knows
 */
export async function checkIdentity(options: IdentityOptions): Promise<Identity> {
  const { api, subjects, path, open } = options;
  const remembered = await readMemory(path);
  let info: StreamInfo;
  try {
    info = await open(remembered === undefined);
  } catch (error) {
    if (!(error instanceof LostStreamError)) throw error;
    throw new Error(
      `stream ${error.message} is gone: this server has followed it to revision ${remembered?.revision}. ${remedy(path)}`,
      { cause: error },
    );
  }
  const genesis =
    (await readGenesis(options)) ?? (remembered ? undefined : await writeGenesis(options, info));
  if (remembered) {
    const idAt = await idOf(api, subjects.stream, remembered.revision);
    const why = whyAnother(remembered, info, genesis?.cluster, idAt);
    const isBehind = info.created === remembered.created && info.state.last_seq < remembered.revision;
    if (why !== undefined) throw new (isBehind ? BehindError : Error)(`${why}. ${remedy(path)}`);
  }
  if (!genesis) throw new Error(`stream ${subjects.stream} has no first record of mill's`);
  if (genesis.format !== FORMAT) {
    throw new Error(
      `stream ${subjects.stream} has format ${genesis.format}, which this version of mill does not read`,
    );
  }
  return { cluster: genesis.cluster, info };
}

/** What the bucket says about itself; undefined where it was never finished, or is none of mill's. */
export async function readGenesis({
  api,
  subjects,
}: Pick<IdentityOptions, 'api' | 'subjects'>): Promise<Genesis | undefined> {
  const message = await api.message(subjects.stream, { last_by_subj: subjects.internal(STORE) });
  return message && (JSON.parse(Buffer.from(message.data ?? '', 'base64').toString()) as Genesis);
}

/** Of several servers that start at once, one is first. @throws Error where the stream holds something else already */
async function writeGenesis(options: IdentityOptions, info: StreamInfo): Promise<Genesis> {
  const { api, connection, subjects } = options;
  if (info.state.messages > 0) {
    if (await api.message(subjects.stream, { last_by_subj: subjects.internal(RESTORE) })) {
      throw new Error(
        `the restore into stream ${subjects.stream} was not finished: run "mill restore" again`,
      );
    }
    throw new Error(
      `stream ${subjects.stream} holds records that are none of mill's: choose another --bucket`,
    );
  }
  const cluster = randomUUID();
  const message = headers();
  message.append(ATTEMPT, cluster);
  message.append(PREVIOUS, '');
  message.append('Nats-Msg-Id', cluster);
  message.append('Nats-Expected-Last-Sequence', String(info.state.last_seq));
  const genesis: Genesis = { cluster, format: FORMAT };
  await connection.request(subjects.internal(STORE), JSON.stringify(genesis), {
    headers: message,
    timeout: REQUEST_TIMEOUT_MS,
  });
  const stored = await readGenesis(options);
  // A stream that has just been made, or elects a leader, may refuse it, or not show it yet: it is tried again.
  if (!stored)
    throw new JetStreamError(`stream ${subjects.stream} has not stored its first record yet`, NOT_STORED);
  return stored;
}
