/** A commit that is handed over: what the servers tell each other of it, and how the writer answers. */
import { ApiError, type ErrorDetails, isApiError, type StatusReason } from '../../../api/errors.ts';
import type { Actor, Decision, Reader, Write } from '../../../api/store.ts';
import type { Head } from '../head.ts';
import type { Committer } from './committer.ts';
import type { Feed } from './feed.ts';
import { holds, type ReadSet } from './read-set.ts';

export interface Question {
  readonly attempt: string;
  readonly actor: Actor;
  readonly reads: ReadSet;
  readonly writes: readonly Write[];
}

export type Answer =
  | { readonly type: 'committed'; readonly revision: number; readonly versions: readonly string[] }
  /** Others were faster; at this revision the decision can be made anew. */
  | { readonly type: 'outdated'; readonly revision: number }
  | {
      readonly type: 'refused';
      readonly reason: StatusReason;
      readonly message: string;
      readonly details: ErrorDetails;
    }
  | { readonly type: 'elsewhere' };

export interface AnswererOptions {
  readonly server: string;
  readonly state: Reader;
  readonly head: Head;
  readonly feed: Feed;
  readonly committer: Committer;
  /** Id of the server that commits for all; undefined: none does. */
  readonly writer: (state: Reader) => string | undefined;
}

/** Id of the record by which whoever handed a commit over ends the wait for it. */
export const endMark = (attempt: string): string => `${attempt}.end`;

/** Commits what another server has decided, where that holds still. @throws TypeError where no server has asked this */
export async function answerTo(
  text: string,
  { writer, state, server, head, committer, feed }: AnswererOptions,
): Promise<string> {
  const { attempt, actor, reads, writes } = readQuestion(text);
  if (writer(state) !== server) return JSON.stringify({ type: 'elsewhere' } satisfies Answer);
  const decide = (): Decision<undefined> => {
    const isEnded = feed.find(endMark(attempt), reads.revision) !== undefined;
    // Where something was not seen, it may have been the mark.
    const isCurrent = !isEnded && feed.hasSeenAllSince(reads.revision) && holds(reads, head);
    if (!isCurrent) throw new Outdated(head.revision);
    return { writes, result: undefined };
  };
  const answer = await committer.commit(actor, decide, { attempt }).then(
    ({ revision, objects }): Answer => {
      const versions = objects.map((object) => object.metadata.resourceVersion);
      return { type: 'committed', revision, versions };
    },
    (error: unknown) => refusal(error),
  );
  return JSON.stringify(answer);
}

class Outdated extends Error {
  readonly revision: number;

  constructor(revision: number) {
    super('others were faster');
    this.revision = revision;
  }
}

/** @throws TypeError where no server has asked this */
function readQuestion(text: string): Question {
  const question = JSON.parse(text) as Partial<Question> | null;
  const { attempt, actor, reads, writes } = question ?? {};
  const isWhole =
    typeof attempt === 'string' &&
    typeof actor?.user === 'string' &&
    Array.isArray(actor.groups) &&
    [reads?.objects, reads?.keys, reads?.kinds, writes].every(Array.isArray);
  if (!isWhole) throw new TypeError('it is no commit that was handed over');
  return question as Question;
}

function refusal(error: unknown): Answer {
  if (error instanceof Outdated) return { type: 'outdated', revision: error.revision };
  // Nothing was sent: who asks may be able to commit where this server is not, or will not be soon.
  if (isApiError(error, 'ServiceUnavailable')) return { type: 'elsewhere' };
  const { reason, message, details } =
    error instanceof ApiError ? error : new ApiError('InternalError', 'the writer could not commit it');
  return { type: 'refused', reason, message, details };
}
