/**
 * Takes commits, has them decided and sent, and finds out what became of them. Only the log says what was committed: an answer of the
 * stream is believed where it says "stored", and is a hint to look at the log where it says anything else.
 */
import type { Clock } from '../../../api/clock.ts';
import { ApiError } from '../../../api/errors.ts';
import type { Actor, Committed, Decision, Reader } from '../../../api/store.ts';
import { Deadline, isLate } from './deadline.ts';
import { Decider, type DeciderOptions } from './decider.ts';
import { Departures } from './departures.ts';
import type { Feed } from './feed.ts';
import { type Decided, endOf, type Flight } from './flight.ts';
import type { Draft, Entry } from './records.ts';
import { Resending } from './resending.ts';
import type { CommitStream, PublishOutcome } from './stream.ts';
import { UnderWay } from './under-way.ts';
import { WaitingCommits } from './waiting-commits.ts';

export interface CommitterOptions extends DeciderOptions {
  readonly stream: CommitStream;
  readonly feed: Feed;
  readonly clock: Clock;
  /** A new id for a commit, unique among all servers. */
  readonly newAttempt: () => string;
  /** Takes a record that is in the log for sure. */
  readonly take: (entry: Entry & Draft) => void;
}

export interface CommitterHint {
  /** Where others may commit as well, an answer without a record would be judged by what this server has seen of them. */
  readonly isProved?: boolean;
  /** Id of a commit that was handed over. */
  readonly attempt?: string;
}

export class Committer {
  readonly #options: CommitterOptions;
  readonly #decider: Decider;
  readonly #underWay = new UnderWay();
  /** What is sent may not arrive: nothing more is sent until the log has moved. */
  readonly #resending: Resending;
  readonly #deadline: Deadline;
  readonly #queue: WaitingCommits;
  readonly #departures: Departures;
  #onIdle: (() => void) | undefined;

  constructor(options: CommitterOptions) {
    const { clock } = options;
    this.#options = options;
    this.#decider = new Decider(options);
    this.#resending = new Resending(clock, () => this.#departures.sendAgain());
    this.#queue = new WaitingCommits(clock, () => this.#added());
    this.#departures = new Departures({
      ...options,
      decider: this.#decider,
      queue: this.#queue,
      underWay: this.#underWay,
      resending: this.#resending,
      heard: (...heard) => this.#heard(...heard),
    });
    const waiting = () => [...this.#underWay.waiting, ...this.#queue.all];
    this.#deadline = new Deadline(clock, waiting, (nowMs) => this.#expire(nowMs));
  }

  /** Since when something is under way without an answer, in ms since the epoch; undefined where nothing is. */
  get stalledSinceMs(): number | undefined {
    return this.#resending.sinceMs;
  }

  commit<T>(
    actor: Actor,
    decide: (head: Reader) => Decision<T>,
    { isProved = false, attempt = this.#options.newAttempt() }: CommitterHint = {},
  ): Promise<Committed<T>> {
    if (this.#decider.isDeciding)
      throw new Error('a commit inside the decision of another would land before it');
    return this.#queue.add(actor, decide, attempt, isProved) as Promise<Committed<T>>;
  }

  /** Resolves to the revision of a record that was stored after the call. */
  async barrier(): Promise<number> {
    return (await this.#queue.addBarrier(this.#options.newAttempt)).revision;
  }

  /** Resolves when a record of that id, which says nothing else, is in the log. */
  async mark(id: string): Promise<void> {
    await this.#queue.addMark(id);
  }

  /** What is decided and not sent yet, or has no answer yet, is finished first, as far as that is possible in time. */
  async close(): Promise<void> {
    this.#queue.close(new ApiError('ServiceUnavailable', 'the store is closed'));
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#settleIdle();
    });
    this.#resending.close();
    this.#deadline.close();
  }

  /** Everything that waits or is under way is answered: the log cannot be followed any more. */
  abandon(error: ApiError): void {
    this.#void('unknown');
    this.#queue.abandon(error);
    this.#settleIdle();
  }

  /** The log was read again: nobody can say what became of what was under way. */
  abandonUnderWay(): void {
    this.#void('unknown');
    this.#resending.end();
  }

  /** The record as it was drafted here, where it is one's own and still under way. */
  draftOf(id: string, sequence: number): Draft | undefined {
    const draft = this.#underWay.draftAt(sequence);
    return draft?.id === id ? draft : undefined;
  }

  /** Before the feed takes a record: is it one's own, or has somebody else taken its place? */
  before(entry: Entry): void {
    const { sequence, id, previous } = entry;
    const { position } = this.#options.feed;
    const { first } = this.#underWay;
    if (!first || sequence <= first.base) return;
    const isAfterOwn =
      this.#underWay.lastSequence(position) + 1 === sequence &&
      this.#underWay.draftAt(sequence - 1)?.id === previous;
    // What was superseded before it was seen is known all the same: one's own records stand in a row.
    if (isAfterOwn || this.draftOf(id, sequence)) this.#takeBefore(sequence);
    else this.#void(sequence === position + 1 ? 'overtaken' : 'unknown', position);
  }

  /** After the feed took a record: who waited for it is answered, and what waits goes on. */
  after(): void {
    for (let landed = this.#landed(); landed; landed = this.#landed()) {
      this.#settle(landed.commits);
    }
    // What is still without an answer is sent again when that is due: the log has not told of it yet.
    if (this.#resending.isDue && this.#underWay.isAwaited) this.#resending.goOn();
    else this.#resending.end();
    this.#departures.sendPrepared();
    this.#departures.schedule();
    this.#settleIdle();
  }

  #settle(landed: readonly Decided[]): void {
    this.#options.head.settle(landed.reduce((sum, { changes }) => sum + changes, 0));
    for (const { answer } of landed) answer();
  }

  #landed(): Flight | undefined {
    return this.#underWay.shiftLanded(this.#options.feed.position);
  }

  #added(): void {
    this.#deadline.arm();
    this.#departures.added();
  }

  #heard(flight: Flight, index: number, outcome: PublishOutcome): void {
    const { position } = this.#options.feed;
    if (flight.isVoid || endOf(flight) <= position) return;
    // Where a part of it may be in the log, or what was sent before it, nothing is said before that is known.
    const isFirst = flight === this.#underWay.first && flight.base === position;
    if (outcome.type === 'refused' && isFirst) this.#refuse(flight, outcome.error);
    else if (outcome.type !== 'stored' || outcome.sequence !== flight.base + index + 1)
      this.#resending.begin();
    else {
      // What was sent before it is there as well: it would not have been stored otherwise.
      this.#takeBefore(outcome.sequence);
      this.#takeUpTo(flight, index);
    }
  }

  #takeBefore(sequence: number): void {
    if (this.#options.feed.position === sequence - 1) return;
    for (const flight of this.#underWay.flights) {
      if (flight.base >= sequence - 1) return;
      this.#takeUpTo(flight, Math.min(flight.drafts.length, sequence - flight.base - 1) - 1);
    }
  }

  #takeUpTo({ base, drafts }: Flight, last: number): void {
    const { take, feed } = this.#options;
    const from = Math.max(0, feed.position - base);
    for (let index = from; index <= last; index++) {
      const made = drafts[index];
      if (!made) return;
      const { id, previous, together, content, outgoing } = made;
      take({ sequence: base + index + 1, id, previous, together, content, outgoing });
    }
  }

  /** The stream will never take it: its callers are told, the others are decided again without it. */
  #refuse(flight: Flight, error: ApiError): void {
    for (const { waiting } of flight.commits.splice(0)) waiting.fail(error);
    this.#void('overtaken');
    this.#resending.end();
    this.#departures.schedule();
    this.#settleIdle();
  }

  /**
   * What is under way will not be stored, or nobody can say whether it was.
   * @param landed up to which sequence the log has it all the same: the rest of a flight may be overtaken, or superseded unseen
   */
  #void(how: 'overtaken' | 'unknown', landed = 0): void {
    if (this.#underWay.isEmpty) return;
    const commits = this.#underWay.clear().flatMap((flight) => flight.commits);
    this.#settle(commits.filter(({ end }) => end <= landed));
    this.#options.head.rollBack();
    const waiting = commits.filter(({ end }) => end > landed).map((commit) => commit.waiting);
    if (how === 'overtaken') this.#queue.putBack(waiting);
    else for (const { fail } of waiting) fail(unknownOutcome());
  }

  /** Nobody waits for ever. What is under way stays so: it may still be stored, and the log will tell. */
  #expire(nowMs: number): void {
    for (const waiting of this.#underWay.waiting) if (isLate(waiting, nowMs)) waiting.fail(unknownOutcome());
    this.#queue.expire(nowMs);
    this.#settleIdle();
  }

  #settleIdle(): void {
    if (!this.#onIdle) return;
    const nowMs = this.#options.clock.now();
    const isIdle = () =>
      this.#queue.length === 0 && this.#underWay.waiting.every((each) => isLate(each, nowMs));
    if (isIdle()) this.#onIdle();
  }
}

/** What a caller is told of a commit that may have landed, or may yet. */
export const unknownOutcome = () =>
  new ApiError('Timeout', 'NATS has not said whether this was stored: look before you try it again');
