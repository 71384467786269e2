/**
 * Servers that are not the writer hand their commits to it: decided here, with what they were decided on, and checked there
 * against the head. That spares both the loss of the compare-and-set; whether it is safe does not depend on it.
 */
import type { Clock } from '../../../api/clock.ts';
import { ApiError, type ErrorDetails, type StatusReason } from '../../../api/errors.ts';
import { isEphemeral } from '../../../api/kinds/index.ts';
import type { Actor, Committed, Decision, Reader, Write } from '../../../api/store.ts';
import { atRevision, deepFreeze } from '../frozen.ts';
import type { Committer } from './committer.ts';
import { kindOf } from './decider.ts';
import type { EphemeralWriter } from './ephemeral-writer.ts';
import type { Feed } from './feed.ts';
import type { Head } from './head.ts';
import { holds, type ReadSet, RecordingReader } from './read-set.ts';

/** A writer that takes longer is stopped, or about to be replaced: the commit is made without it. */
const ANSWER_WAIT_MS = 1_000;
/** A writer that did not answer is left alone for so long, unless another takes its place. */
const SUSPECT_MS = 3_000;
/** Times that a decision is made anew because others were faster; then it goes into the line of all, which ends. */
const MAX_TRIES = 8;

/** Request and reply between servers. */
export interface Channel {
  /** @throws NobodyThere; Error where there is no answer in time */
  ask(server: string, text: string, waitMs: number): Promise<string>;
  /** Answers what others ask of this server. Ends with the signal. */
  serve(server: string, answer: (text: string) => Promise<string>, signal: AbortSignal): void;
}

/** The question reached nobody, so that nothing came of it. */
export class NobodyThere extends Error {
  override readonly name = 'NobodyThere';
}

export interface HandOverOptions {
  readonly channel: Channel;
  readonly server: string;
  readonly state: Reader;
  readonly head: Head;
  readonly feed: Feed;
  readonly committer: Committer;
  readonly ephemeral: EphemeralWriter;
  readonly clock: Clock;
  readonly newAttempt: () => string;
  readonly writer: (state: Reader) => string | undefined;
  /** Resolves when `state` shows a revision. @throws ApiError where that takes too long */
  readonly shown: (revision: number) => Promise<void>;
}

interface Question {
  readonly attempt: string;
  readonly actor: Actor;
  readonly reads: ReadSet;
  readonly writes: readonly Write[];
}

type Answer =
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

export class HandOver {
  readonly #options: HandOverOptions;
  #suspect: string | undefined;
  #suspectUntilMs = 0;

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  serve(signal: AbortSignal): void {
    const { channel, server } = this.#options;
    channel.serve(server, (text) => this.#answer(text), signal);
  }

  /** The server to hand a commit to; undefined where it is this one, or none that answers. */
  writer(): string | undefined {
    const { writer, state, server, clock } = this.#options;
    const found = writer(state);
    if (found === undefined || found === server) return undefined;
    return found === this.#suspect && clock.now() < this.#suspectUntilMs ? undefined : found;
  }

  async commit<T>(
    writer: string,
    actor: Actor,
    decide: (state: Reader) => Decision<T>,
  ): Promise<Committed<T>> {
    const { state, newAttempt, shown, committer } = this.#options;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const reader = new RecordingReader(state);
      const { writes, outcome } = decided(decide, reader);
      if (writes.length > 0 && writes.every((write) => isEphemeral(kindOf(write)))) break;
      const lasting = writes.filter((write) => !isEphemeral(kindOf(write)));
      // What is written over is part of what it is based on, looked at or not.
      for (const write of lasting) reader.get(kindOf(write), nameOf(write));
      const attempt = newAttempt();
      const answer = await this.#ask(writer, { attempt, actor, reads: reader.readSet(), writes: lasting });
      if (answer === undefined) return this.#commitAlone(actor, decide, attempt, { writes, outcome });
      if (answer.type === 'elsewhere') break;
      if (answer.type === 'refused') throw new ApiError(answer.reason, answer.message, answer.details);
      await shown(answer.revision);
      if (answer.type === 'committed') return this.#finish(writes, outcome, answer);
    }
    return committer.commit(actor, decide);
  }

  /** @returns undefined where nobody can say what became of it */
  async #ask(writer: string, question: Question): Promise<Answer | undefined> {
    const { channel, clock } = this.#options;
    try {
      return JSON.parse(await channel.ask(writer, JSON.stringify(question), ANSWER_WAIT_MS)) as Answer;
    } catch (error) {
      this.#suspect = writer;
      this.#suspectUntilMs = clock.now() + SUSPECT_MS;
      return error instanceof NobodyThere ? { type: 'elsewhere' } : undefined;
    }
  }

  /**
   * The writer may have committed it, or may still: where it has, that is found in the log. Where it has not, this commit
   * writes the same objects, and what was handed over does not hold any more.
   */
  async #commitAlone<T>(
    actor: Actor,
    decide: (state: Reader) => Decision<T>,
    attempt: string,
    handed: Handed<T>,
  ): Promise<Committed<T>> {
    const { committer, feed, state } = this.#options;
    const alone = await committer.commit(actor, (head) => {
      if (feed.sequenceOf(attempt) !== undefined) return { writes: [], result: undefined };
      const { writes, result } = decide(head);
      return { writes, result: { value: result } };
    });
    if (alone.result) return { ...alone, result: alone.result.value };
    const versions = handed.writes
      .filter((write) => write.type === 'put')
      .map(
        (write) => state.get(write.object.kind, write.object.metadata.name)?.metadata.resourceVersion ?? '',
      );
    return this.#finish(handed.writes, handed.outcome, { revision: alone.revision, versions });
  }

  async #finish<T>(
    writes: readonly Write[],
    outcome: Outcome<T>,
    { revision, versions }: { readonly revision: number; readonly versions: readonly string[] },
  ): Promise<Committed<T>> {
    if ('error' in outcome) throw outcome.error;
    const fleeting = writes.filter((write) => isEphemeral(kindOf(write)));
    if (fleeting.length > 0) await this.#options.ephemeral.write(fleeting).catch(() => {});
    const objects = writes
      .filter((write) => write.type === 'put' && !isEphemeral(kindOf(write)))
      .map((write, index) => stored(write, Number(versions[index]), this.#options.state));
    return { result: outcome.result, revision, objects };
  }

  async #answer(text: string): Promise<string> {
    const { writer, state, server, head, committer } = this.#options;
    const { attempt, actor, reads, writes } = readQuestion(text);
    if (writer(state) !== server) return JSON.stringify({ type: 'elsewhere' } satisfies Answer);
    const decide = (): Decision<undefined> => {
      if (!holds(reads, head)) throw new Outdated(head.reader.revision);
      return { writes, result: undefined };
    };
    const answer = await committer.commit(actor, decide, attempt).then(
      ({ revision, objects }): Answer => {
        const versions = objects.map((object) => object.metadata.resourceVersion);
        return { type: 'committed', revision, versions };
      },
      (error: unknown) => refusal(error),
    );
    return JSON.stringify(answer);
  }
}

type Outcome<T> = { readonly result: T } | { readonly error: unknown };

interface Handed<T> {
  readonly writes: readonly Write[];
  readonly outcome: Outcome<T>;
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

/** A refusal counts only where what it was based on holds, so it is handed over like a commit that writes nothing. */
function decided<T>(decide: (state: Reader) => Decision<T>, reader: Reader): Handed<T> {
  try {
    const { writes, result } = decide(reader);
    return { writes, outcome: { result } };
  } catch (error) {
    return { writes: [], outcome: { error } };
  }
}

function refusal(error: unknown): Answer {
  if (error instanceof Outdated) return { type: 'outdated', revision: error.revision };
  const { reason, message, details } =
    error instanceof ApiError ? error : new ApiError('InternalError', 'the writer could not commit it');
  return { type: 'refused', reason, message, details };
}

function stored(write: Write, revision: number, state: Reader) {
  if (write.type === 'delete') throw new TypeError('a deletion leaves no object');
  const { kind, metadata } = write.object;
  const shown = state.get(kind, metadata.name);
  return shown && Number(shown.metadata.resourceVersion) === revision
    ? shown
    : deepFreeze(atRevision(write.object, revision));
}

const nameOf = (write: Write): string => (write.type === 'put' ? write.object.metadata.name : write.name);
