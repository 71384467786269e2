/**
 * Servers that are not the writer hand their commits to it: decided here, with what they were decided on, and checked there
 * against the head. That spares both the loss of the compare-and-set; whether it is safe does not depend on it.
 */
import type { Clock } from '../../../api/clock.ts';
import { ApiError } from '../../../api/errors.ts';
import { isEphemeral } from '../../../api/kinds/index.ts';
import type { Actor, Committed, Decision, Reader, Write } from '../../../api/store.ts';
import { atRevision, deepFreeze } from '../frozen.ts';
import { unknownOutcome } from './committer.ts';
import { kindOf } from './decider.ts';
import type { EphemeralWriter } from './ephemeral-writer.ts';
import { partId } from './flight.ts';
import { type Answer, type AnswererOptions, answerTo, endMark, type Question } from './handed-over.ts';
import { RecordingReader } from './read-set.ts';

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

export interface HandOverOptions extends AnswererOptions {
  readonly channel: Channel;
  readonly ephemeral: EphemeralWriter;
  readonly clock: Clock;
  readonly newAttempt: () => string;
  /** Resolves when `state` shows a revision. @throws ApiError where that takes too long */
  readonly shown: (revision: number) => Promise<void>;
}

export class HandOver {
  readonly #options: HandOverOptions;
  #suspect: string | undefined;
  #suspectUntilMs = 0;

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  serve(signal: AbortSignal): void {
    const { channel, server } = this.#options;
    channel.serve(server, (text) => answerTo(text, this.#options), signal);
  }

  /** The server to hand a commit to; undefined where it is this one, or none that answers. */
  writer(): string | undefined {
    const { writer, state, server, clock } = this.#options;
    const found = writer(state);
    if (found === undefined || found === server) return undefined;
    return found === this.#suspect && clock.now() < this.#suspectUntilMs ? undefined : found;
  }

  /** Whether this server decides for all: then its head is the end of the log. */
  get isWriter(): boolean {
    const { writer, state, server } = this.#options;
    return writer(state) === server;
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
      const question = { attempt: newAttempt(), actor, reads: reader.readSet(), writes: lasting };
      const answer = (await this.#ask(writer, question)) ?? (await this.#lookFor(question));
      if (answer.type === 'elsewhere') break;
      if (answer.type === 'refused') throw new ApiError(answer.reason, answer.message, answer.details);
      await shown(answer.revision);
      if (answer.type === 'committed') return this.#finish(writes, outcome, answer);
    }
    return committer.commit(actor, decide, { isProved: true });
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
   * The writer has not answered. It may have committed it, or may still: a mark in the log ends that. What landed stands
   * before it; and where the writer finds the mark, it lets go of what it has not committed.
   * @throws ApiError Timeout where that cannot be found out
   */
  async #lookFor(question: Question): Promise<Answer> {
    const { attempt, reads, writes } = question;
    if (writes.length === 0) return { type: 'elsewhere' };
    const { committer, feed } = this.#options;
    await committer.mark(endMark(attempt)).catch(() => {
      throw unknownOutcome();
    });
    const found = feed.find(attempt, reads.revision);
    if (found) return this.#landed(found, question);
    if (!feed.hasSeenAllSince(reads.revision)) throw unknownOutcome();
    return { type: 'elsewhere' };
  }

  /** Its records stand in a row; where they go one by one, before them one that holds them all, and has its id. */
  #landed({ sequence, id }: { readonly sequence: number; readonly id: string }, question: Question): Answer {
    const changes = changing(question);
    const last = sequence + changes.length;
    const isOneByOne = this.#options.feed.idAt(last) === partId(id, changes.length);
    const first = isOneByOne ? sequence + 1 : sequence;
    const versions = changes.flatMap(({ type }, index) => (type === 'put' ? [String(first + index)] : []));
    return { type: 'committed', revision: first + changes.length - 1, versions };
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
}

type Outcome<T> = { readonly result: T } | { readonly error: unknown };

/** The writes that leave a record each: deleting what is not there leaves none. */
function changing({ reads, writes }: Question): readonly Write[] {
  const there = new Set<string>();
  for (const [kind, name, version] of reads.objects) if (version) there.add(`${kind}/${name}`);
  return writes.filter((write) => {
    const key = `${kindOf(write)}/${nameOf(write)}`;
    if (write.type === 'delete') return there.delete(key);
    there.add(key);
    return true;
  });
}

interface Handed<T> {
  readonly writes: readonly Write[];
  readonly outcome: Outcome<T>;
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

function stored(write: Write, revision: number, state: Reader) {
  if (write.type === 'delete') throw new TypeError('a deletion leaves no object');
  const { kind, metadata } = write.object;
  const shown = state.get(kind, metadata.name);
  return shown && Number(shown.metadata.resourceVersion) === revision
    ? shown
    : deepFreeze(atRevision(write.object, revision));
}

const nameOf = (write: Write): string => (write.type === 'put' ? write.object.metadata.name : write.name);
