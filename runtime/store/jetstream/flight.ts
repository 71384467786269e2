/** Commits on their way to the log, and the records that carry them. */
import { ApiError } from '../../../api/errors.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import type { Actor, Decision, Reader } from '../../../api/store.ts';
import type { Staged } from '../staging.ts';
import { COMMIT, type Content, type Draft, draft } from './records.ts';
import type { Outgoing, SendingMode } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** Room in a record for its subject and headers: two names of an object, two ids, and what the stream is told. */
const HEADER_BYTES = 2_048;

/** Records sent that have no answer yet: enough to keep one stream busy, few enough to be decided again in a moment. */
export const MAX_RECORDS_UNDER_WAY = 256;
/** nats-server takes no larger atomic batch. */
export const MAX_RECORDS_TOGETHER = 1_000;
/** A larger commit has a record that holds it all, as where there are no batches; so it is never parted, whatever goes before it. */
export const MAX_WRITES_TOGETHER = MAX_RECORDS_TOGETHER - MAX_RECORDS_UNDER_WAY;

/** A commit that has not been decided yet. */
export interface Waiting {
  readonly actor: Actor;
  /** Unique; the first record of the commit gets it as its id, with how often it was decided before. */
  readonly attempt: string;
  timesDecided: number;
  readonly deadlineMs: number;
  /**
   * Stores a record even where nothing is written, or the commit is refused: it was judged by all that stands before that record,
   * and so by all that was acknowledged before.
   */
  readonly isProved: boolean;
  decide(head: Reader): Decision<unknown>;
  settle(committed: Landed): void;
  fail(error: unknown): void;
}

/** What became of a commit. */
export interface Landed {
  readonly result: unknown;
  readonly revision: number;
  readonly objects: readonly AnyObject[];
}

/** A commit that has been decided. */
export interface Decided {
  readonly waiting: Waiting;
  readonly changes: number;
  /** Sequence of its last record, or of the last one that it was judged by. */
  readonly end: number;
  /** Answers the caller, once what it was judged by is in the log. */
  readonly answer: () => void;
}

/** Records that are sent together, or one after the other without anything between them. */
export interface Flight {
  /** How its records were made, and go out. */
  readonly mode: SendingMode;
  /** Sequence of the record before its first. */
  readonly base: number;
  readonly drafts: Draft[];
  readonly commits: Decided[];
  /** Until then more may be decided into it. */
  isSent: boolean;
  isVoid: boolean;
}

export const endOf = ({ base, drafts }: Flight): number => base + drafts.length;

/**
 * Id of the first record of a commit. Each decision has its own: whoever names it as the record before names all that it was
 * based on, so that a copy of an earlier decision, late on its way, fits nowhere.
 */
export const decisionId = ({ attempt, timesDecided }: Pick<Waiting, 'attempt' | 'timesDecided'>): string =>
  timesDecided === 0 ? attempt : `${attempt}~${timesDecided}`;

/** Whether a record is the first one of a commit, however often that was decided. */
export const isDecisionOf = (id: string, attempt: string): boolean =>
  id === attempt || (id.startsWith(`${attempt}~`) && !id.includes('.', attempt.length));

/** Id of a further record of a commit. */
export const partId = (first: string, index: number): string => `${first}.${index}`;

export interface Place {
  readonly subjects: Subjects;
  /** Sequence of the record before. */
  readonly after: number;
  /** Its id. */
  readonly previous: string;
  /** It is on its way itself. */
  readonly isChained: boolean;
  readonly maxRecordBytes: number;
}

interface Part {
  readonly subject: string;
  readonly content: Content;
  readonly data: string;
}

/**
 * The records of one commit, where all of them go into the log together or not at all.
 * @param commit id of the first
 * @throws ApiError RequestEntityTooLarge
 */
export function draftTogether(commit: string, parts: readonly Part[], place: Place): Draft[] {
  return inARow(parts, place, (index) => (index === 0 ? commit : partId(commit, index)), parts.length);
}

/**
 * The records of one commit, where each goes into the log by itself: before them one that holds them all, so that what
 * was begun can be finished by anybody.
 * @param commit id of the first
 */
export function draftOneByOne(commit: string, parts: readonly Part[], place: Place): Draft[] {
  const first = { ...place, after: place.after + 1, previous: commit, isChained: true };
  const drafts = inARow(parts, first, (index) => partId(commit, index + 1), 1);
  const outgoing: Outgoing[] = drafts.map(({ outgoing }) => outgoing);
  const data = JSON.stringify(outgoing);
  checkSize(data, place.maxRecordBytes);
  const { subjects, after, previous, isChained } = place;
  const whole = draft({
    id: commit,
    previous,
    after,
    isChained,
    subject: subjects.internal(COMMIT),
    content: { type: 'commit', parts: outgoing },
    data,
  });
  return [whole, ...drafts];
}

/** What a staged commit writes, as parts. */
export function partsOf({ changes, texts }: Pick<Staged, 'changes' | 'texts'>, subjects: Subjects): Part[] {
  return changes.map(({ type, object }, index) => {
    const { kind, metadata } = object;
    const content: Content =
      type === 'deleted' ? { type: 'delete', kind, name: metadata.name } : { type: 'put', object };
    return { subject: subjects.of(object), content, data: texts[index] ?? '' };
  });
}

/** @param together how many records belong together, as the first one says */
function inARow(
  parts: readonly Part[],
  place: Place,
  idOf: (index: number) => string,
  together: number,
): Draft[] {
  let { previous, after, isChained } = place;
  return parts.map(({ subject, content, data }, index) => {
    checkSize(data, place.maxRecordBytes);
    const id = idOf(index);
    const count = index === 0 ? together : 1;
    const made = draft({ id, previous, subject, content, data, together: count, after, isChained });
    previous = id;
    after += 1;
    isChained = true;
    return made;
  });
}

/** @throws ApiError RequestEntityTooLarge */
export function checkSize(data: string, maxRecordBytes: number): void {
  // UTF-8 has three bytes at most for what is one of JavaScript's characters.
  if (data.length * 3 + HEADER_BYTES <= maxRecordBytes) return;
  const sizeBytes = Buffer.byteLength(data) + HEADER_BYTES;
  if (sizeBytes <= maxRecordBytes) return;
  throw new ApiError(
    'RequestEntityTooLarge',
    `this is ${sizeBytes} bytes, and the NATS servers take ${maxRecordBytes} at most (max_payload)`,
  );
}
