/** A commit as records of the stream, and back. */
import type { AnyObject, KindName } from '../../../api/kinds/index.ts';
import { deepFreeze } from '../frozen.ts';
import { headerOf, type JetStreamApi } from './api.ts';
import type { Incoming, Outgoing } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** Id of the record, unique in the stream: who waits for it finds it again whatever became of the answer. */
export const ATTEMPT = 'Mill-Attempt';
/** Id of the record before it: a copy in which that is another one is not the log that this record was written to. */
export const PREVIOUS = 'Mill-Previous';
/** On the first record of a commit of several: how many belong together. */
const WRITES = 'Mill-Writes';
/** As NATS's key-value buckets mark a deletion. */
const OPERATION = 'KV-Operation';
const DELETION = 'DEL';

export const COMMIT = 'commit';
export const BARRIER = 'barrier';
export const STORE = 'store';
/** First record of a bucket that is made of a backup. */
export const RESTORE = 'restore';

/** What a record says. */
export type Content =
  | { readonly type: 'put'; readonly object: AnyObject }
  | { readonly type: 'delete'; readonly kind: KindName; readonly name: string }
  /** The records that must follow it, so that what was begun can be finished by anybody. */
  | { readonly type: 'commit'; readonly parts: readonly Outgoing[] }
  /** Nothing about objects. */
  | { readonly type: 'mark' }
  /** Somebody else wrote it, who has no business here: it says nothing, and follows upon anything. */
  | { readonly type: 'foreign' };

export interface Entry {
  readonly sequence: number;
  readonly id: string;
  readonly previous: string;
  /** How many records belong together from this one on; 1: it stands alone. */
  readonly together: number;
  readonly content: Content;
}

/** A record that is to be sent, as it will be read. */
export interface Draft extends Omit<Entry, 'sequence'> {
  readonly outgoing: Outgoing;
}

interface DraftOptions {
  readonly id: string;
  readonly previous: string;
  readonly subject: string;
  readonly content: Content;
  readonly data?: string;
  readonly together?: number;
  readonly after: number;
  readonly isChained: boolean;
}

export function draft(options: DraftOptions): Draft {
  const { id, previous, subject, content, data = '', together = 1, after, isChained } = options;
  const headers: Record<string, string> = { [ATTEMPT]: id, [PREVIOUS]: previous };
  if (content.type === 'delete') headers[OPERATION] = DELETION;
  if (together > 1) headers[WRITES] = String(together);
  return { id, previous, content, together, outgoing: { subject, after, isChained, headers, data } };
}

/** A record that somebody else has drafted, to be sent in their place. */
export const draftAgain = (outgoing: Outgoing, subjects: Subjects): Draft => ({
  ...readEntry(asRead(outgoing, 0), subjects),
  outgoing,
});

/** A record that was sent, as it is read. */
export const asRead = ({ after, subject, headers, data }: Outgoing, timeMs: number): Incoming => ({
  sequence: after + 1,
  subject,
  header: (name) => headers[name] ?? '',
  text: () => data,
  timeMs,
});

/** Id of a record by its header, which those of strangers do not have: all servers must give it the same. */
export const recordId = (attempt: string, sequence: number): string => attempt || `foreign.${sequence}`;

/** @throws Error where mill wrote the record, and it cannot be read */
export function readEntry(record: Incoming, subjects: Subjects): Entry {
  const { sequence } = record;
  const attempt = record.header(ATTEMPT);
  const id = recordId(attempt, sequence);
  if (attempt === '') return { sequence, id, previous: '', together: 1, content: { type: 'foreign' } };
  return {
    sequence,
    id,
    previous: record.header(PREVIOUS),
    together: Number(record.header(WRITES) || 1),
    content: readContent(record, subjects),
  };
}

function readContent(record: Incoming, subjects: Subjects): Content {
  const { subject, sequence } = record;
  if (subject === subjects.internal(COMMIT)) {
    return { type: 'commit', parts: JSON.parse(record.text()) as readonly Outgoing[] };
  }
  const key = subjects.read(subject);
  if (!key) return { type: 'mark' };
  if (record.header(OPERATION) !== '') return { type: 'delete', ...key };
  const object = JSON.parse(record.text()) as AnyObject;
  if (object.kind !== key.kind || object.metadata.name !== key.name) {
    throw new Error(
      `record ${sequence} on ${subject} holds another object: ${object.kind} ${object.metadata.name}`,
    );
  }
  // Written for the place where it landed: its revision is that of the record already, but for a restored bucket.
  object.metadata.resourceVersion = String(sequence);
  return { type: 'put', object: deepFreeze(object) };
}

export const isDeletion = (record: Incoming): boolean => record.header(OPERATION) !== '';

/** Id of the record at a sequence; undefined where it is not there any more. */
export async function idOf(api: JetStreamApi, stream: string, sequence: number): Promise<string | undefined> {
  const message = await api.message(stream, { seq: sequence });
  return message && recordId(headerOf(message, ATTEMPT), sequence);
}
