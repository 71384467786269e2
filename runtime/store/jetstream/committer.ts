/**
 * Decides what waits, sends it, and finds out what became of it. Only the log says what was committed: an answer of the
 * stream is believed where it says "stored", and is a hint to look at the log where it says anything else.
 */
import type { Clock } from '../../../api/clock.ts';
import { ApiError, unavailable } from '../../../api/errors.ts';
import type { Actor, Change, Committed, Decision, Reader } from '../../../api/store.ts';
import { Decider, type DeciderOptions } from './decider.ts';
import type { Feed } from './feed.ts';
import {
  type Decided,
  endOf,
  type Flight,
  type Landed,
  MAX_RECORDS_TOGETHER,
  MAX_RECORDS_UNDER_WAY,
  type Waiting,
} from './flight.ts';
import { type Draft, draftAgain, type Entry } from './records.ts';
import type { CommitStream, PublishOutcome } from './stream.ts';

/** Longest that a caller waits: over the few seconds in which a NATS cluster elects a leader. */
const COMMIT_WAIT_MS = 10_000;
/** First pause before what has no answer is sent again; it doubles, up to the second. */
const RESEND_FIRST_MS = 100;
const RESEND_MOST_MS = 1_000;

export interface CommitterOptions extends DeciderOptions {
  readonly stream: CommitStream;
  readonly feed: Feed;
  readonly clock: Clock;
  /** A new id for a commit, unique among all servers. */
  readonly newAttempt: () => string;
  /** Takes a record that is in the log for sure. */
  readonly take: (entry: Entry) => void;
}

const NOBODY: Actor = { user: '', groups: [] };
const decideNothing = () => ({ writes: [], result: undefined });

export class Committer {
  readonly #options: CommitterOptions;
  #queue: Waiting[] = [];
  #queuedBarrier: { readonly waiting: Waiting; readonly landed: Promise<Landed> } | undefined;
  #flights: Flight[] = [];
  readonly #drafts = new Map<string, Draft>();
  /** What is sent may not arrive: nothing more is sent until the log has moved. */
  #isStalled = false;
  #resends = 0;
  #cancelResend: (() => void) | undefined;
  #cancelDeadline: (() => void) | undefined;
  #isPumpDue = false;
  readonly #decider: Decider;
  #isOwn = false;
  #whyClosed: ApiError | undefined;
  #onIdle: (() => void) | undefined;
  #isOver = false;
  /** Since when something is under way without an answer, in ms since the epoch; undefined where nothing is. */
  stalledSinceMs: number | undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#decider = new Decider(options);
  }

  /** @param attempt where the commit was handed over: its id */
  commit<T>(
    actor: Actor,
    decide: (head: Reader) => Decision<T>,
    attempt = this.#options.newAttempt(),
  ): Promise<Committed<T>> {
    return this.#enqueue({ actor, decide, attempt }) as Promise<Committed<T>>;
  }

  /** Resolves to the revision of a record that was stored after the call. */
  async barrier(): Promise<number> {
    const queued = this.#queuedBarrier;
    if (queued && this.#queue.includes(queued.waiting)) return (await queued.landed).revision;
    const attempt = this.#options.newAttempt();
    const landed = this.#enqueue({ actor: NOBODY, decide: decideNothing, attempt, isBarrier: true });
    const waiting = this.#queue.at(-1);
    if (waiting) this.#queuedBarrier = { waiting, landed };
    return (await landed).revision;
  }

  /** Resolves when a record of that id, which says nothing else, is in the log. */
  async mark(id: string): Promise<void> {
    await this.#enqueue({ actor: NOBODY, decide: decideNothing, attempt: id, isBarrier: true });
  }

  /** What is decided and not sent yet, or has no answer yet, is finished first, as far as that is possible in time. */
  async close(): Promise<void> {
    this.#whyClosed ??= new ApiError('ServiceUnavailable', 'the store is closed');
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#settleIdle();
    });
    this.#isOver = true;
    this.#cancelResend?.();
    this.#cancelDeadline?.();
  }

  /** Everything that waits or is under way is answered: the log cannot be followed any more. */
  abandon(error: ApiError): void {
    this.#whyClosed = error;
    this.#void('unknown');
    for (const waiting of this.#queue.splice(0)) waiting.fail(error);
    this.#settleIdle();
  }

  /** The log was read again: nobody can say what became of what was under way. */
  abandonUnderWay(): void {
    this.#void('unknown');
    this.#moved();
  }

  /** The record as it was drafted here, where it is one's own and still under way. */
  draftOf(id: string): Draft | undefined {
    return this.#drafts.get(id);
  }

  /** Before the feed takes a record: is it one's own, or has somebody else taken its place? */
  before(entry: Entry): void {
    const { sequence, id, previous } = entry;
    const first = this.#flights[0];
    this.#isOwn = false;
    if (!first || sequence <= first.base) return;
    // What was superseded before it was seen is known all the same: one's own records stand in a row.
    if (this.#draftAt(sequence)?.id === id) this.#takeBefore(sequence);
    else if (this.#lastSequence() + 1 === sequence && this.#draftAt(sequence - 1)?.id === previous) {
      this.#takeBefore(sequence);
      // Those were one's own; this one is not.
      this.#isOwn = false;
      return;
    } else this.#void(sequence === this.#options.feed.position + 1 ? 'overtaken' : 'unknown');
    this.#isOwn = this.#flights[0]?.completes === false;
  }

  /** The feed has shown changes. */
  onChanges(changes: readonly Change[]): void {
    const { head, feed } = this.#options;
    if (!this.#isOwn) head.follow(changes, feed.position);
  }

  /** After the feed took a record: who waited for it is answered, and what waits goes on. */
  after(): void {
    const { feed, head } = this.#options;
    for (let flight = this.#flights[0]; flight && endOf(flight) <= feed.position; flight = this.#flights[0]) {
      this.#flights.shift();
      for (const { id } of flight.drafts) this.#drafts.delete(id);
      for (const { changes, answer } of flight.commits) {
        head.settle(changes);
        answer();
      }
    }
    if (!this.#isOwn && this.#flights.length === 0) head.follow([], feed.position);
    // What is still without an answer is sent again when that is due: the log has not told of it yet.
    if (this.#isStalled && this.#flights.length > 0) this.stalledSinceMs = this.#options.clock.now();
    else this.#moved();
    this.#schedulePump();
    this.#settleIdle();
  }

  #enqueue(request: Pick<Waiting, 'actor' | 'attempt' | 'isBarrier' | 'decide'>): Promise<Landed> {
    if (this.#decider.isDeciding)
      throw new Error('a commit inside the decision of another would land before it');
    if (this.#whyClosed) return Promise.reject(this.#whyClosed);
    const deadlineMs = this.#options.clock.now() + COMMIT_WAIT_MS;
    return new Promise((settle, fail) => {
      this.#queue.push({ ...request, deadlineMs, settle, fail });
      this.#armDeadline();
      // Where records follow one another without waiting, so do decisions; else what comes in this turn goes together.
      if (this.#options.stream.traits.mode === 'pipelined') this.#pump();
      else this.#schedulePump();
    });
  }

  /** Not at once: what the callers do next, now that they were answered, goes out together. */
  #schedulePump(): void {
    if (this.#isPumpDue || this.#queue.length === 0) return;
    this.#isPumpDue = true;
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#isPumpDue = false;
        this.#pump();
      }),
    );
  }

  #pump(): void {
    const { stream, feed } = this.#options;
    while (!this.#isStalled && (this.#queue.length > 0 || feed.unfinished)) {
      const isAlone = stream.traits.mode !== 'pipelined' || feed.unfinished !== undefined;
      if (this.#flights.length > 0 && (isAlone || this.#underWay() >= MAX_RECORDS_UNDER_WAY)) return;
      const flight = feed.unfinished ? this.#completion() : this.#nextFlight();
      if (flight.drafts.length > 0) this.#launch(flight);
      else this.#answerWithout(flight);
    }
  }

  #underWay(): number {
    const first = this.#flights[0];
    return first ? this.#lastSequence() - first.base : 0;
  }

  /** Of what was sent, or else of the log. */
  #lastSequence(): number {
    const last = this.#flights.at(-1);
    return last ? endOf(last) : this.#options.feed.position;
  }

  #launch(flight: Flight): void {
    this.#flights.push(flight);
    for (const each of flight.drafts) this.#drafts.set(each.id, each);
    this.#send(flight);
  }

  /** Nothing of it is stored, but its answers depend on what is still under way. */
  #answerWithout({ commits }: Flight): void {
    const last = this.#flights.at(-1);
    if (last) last.commits.push(...commits);
    else for (const { answer } of commits) answer();
  }

  /** The rest of a commit that its server did not live to finish. */
  #completion(): Flight {
    const { feed } = this.#options;
    const base = feed.position;
    const { parts, sequence } = feed.unfinished ?? { parts: [], sequence: base };
    const drafts = parts
      .slice(base - sequence)
      .map((outgoing) => draftAgain(outgoing, this.#options.subjects));
    return { base, drafts, commits: [], completes: true, isVoid: false };
  }

  #nextFlight(): Flight {
    const { feed, stream } = this.#options;
    const base = this.#lastSequence();
    const isTogether = stream.traits.mode === 'batches';
    const drafts: Draft[] = [];
    const commits: Decided[] = [];
    do {
      const waiting = this.#queue.shift();
      if (!waiting) break;
      const before = drafts.at(-1) ?? this.#flights.at(-1)?.drafts.at(-1);
      const made = this.#decider.decide(waiting, {
        after: base + drafts.length,
        previous: before?.id ?? feed.lastId,
        isChained: before !== undefined,
      });
      drafts.push(...made.drafts);
      commits.push(made.decided);
    } while (isTogether && drafts.length < MAX_RECORDS_UNDER_WAY);
    return { base, drafts, commits, completes: false, isVoid: false };
  }

  #send(flight: Flight): void {
    const { stream } = this.#options;
    const { drafts } = flight;
    const last = drafts.length - 1;
    if (stream.traits.mode !== 'pipelined' && last > 0) {
      void this.#sendInTurn(flight, stream.traits.mode === 'batches' ? MAX_RECORDS_TOGETHER : 1);
      return;
    }
    for (const [index, { outgoing }] of drafts.entries()) {
      void stream.publish(outgoing).then((outcome) => this.#heard(flight, index, outcome));
    }
  }

  /** @param most records that the stream takes together */
  async #sendInTurn(flight: Flight, most: number): Promise<void> {
    const { stream, feed } = this.#options;
    const { base, drafts } = flight;
    for (let from = Math.max(0, feed.position - base); from < drafts.length && !flight.isVoid; ) {
      const records = drafts.slice(from, from + most).map(({ outgoing }) => outgoing);
      const [only] = records;
      const alone = only && records.length === 1;
      const outcome = await (alone ? stream.publish(only) : stream.publishTogether(records));
      from += records.length;
      this.#heard(flight, from - 1, outcome);
      if (outcome.type !== 'stored') return;
    }
  }

  #heard(flight: Flight, index: number, outcome: PublishOutcome): void {
    const { position } = this.#options.feed;
    if (flight.isVoid || endOf(flight) <= position) return;
    // Where a part of it may be in the log, or what was sent before it, nothing is said before that is known.
    const isFirst = flight === this.#flights[0] && flight.base === position;
    if (outcome.type === 'refused' && isFirst) this.#refuse(flight, outcome.error);
    else if (outcome.type !== 'stored' || outcome.sequence !== flight.base + index + 1) this.#stall();
    else {
      // What was sent before it is there as well: it would not have been stored otherwise.
      this.#takeBefore(outcome.sequence);
      this.#takeUpTo(flight, index);
    }
  }

  #draftAt(sequence: number): Draft | undefined {
    const flight = this.#flights.find((each) => sequence > each.base && sequence <= endOf(each));
    return flight?.drafts[sequence - flight.base - 1];
  }

  #takeBefore(sequence: number): void {
    for (const flight of [...this.#flights]) {
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
      take({ ...made, sequence: base + index + 1 });
    }
  }

  /** The stream will never take it: its callers are told, the others are decided again without it. */
  #refuse(flight: Flight, error: ApiError): void {
    for (const { waiting } of flight.commits.splice(0)) waiting.fail(error);
    this.#void('overtaken');
    this.#moved();
    this.#schedulePump();
    this.#settleIdle();
  }

  /** Nothing more is sent until the log tells what became of this. It is asked by sending the same once more. */
  #stall(): void {
    if (this.#isOver) return;
    this.#isStalled = true;
    this.stalledSinceMs ??= this.#options.clock.now();
    if (this.#cancelResend) return;
    const delayMs = Math.min(RESEND_MOST_MS, RESEND_FIRST_MS * 2 ** this.#resends++);
    this.#cancelResend = this.#options.clock.schedule(delayMs, () => {
      this.#cancelResend = undefined;
      if (this.#flights.length === 0) this.#moved();
      for (const flight of [...this.#flights]) if (!flight.isVoid) this.#send(flight);
      this.#schedulePump();
    });
  }

  #moved(): void {
    this.#isStalled = false;
    this.stalledSinceMs = undefined;
    this.#resends = 0;
    this.#cancelResend?.();
    this.#cancelResend = undefined;
  }

  /** What is under way will not be stored, or nobody can say whether it was. */
  #void(how: 'overtaken' | 'unknown'): void {
    const flights = this.#flights;
    if (flights.length === 0) return;
    this.#options.head.rollBack(this.#options.feed.position);
    this.#flights = [];
    this.#drafts.clear();
    const commits = flights.flatMap((flight) => {
      flight.isVoid = true;
      return flight.commits;
    });
    const waiting = commits.map((commit) => commit.waiting);
    if (how === 'overtaken') this.#decideAgain(waiting);
    else for (const { fail } of waiting) fail(unknownOutcome());
  }

  /** But for those whose callers have been told that nobody knows: they looked, and may have tried again. */
  #decideAgain(overtaken: readonly Waiting[]): void {
    const nowMs = this.#options.clock.now();
    const isLate = ({ deadlineMs }: Waiting) => deadlineMs <= nowMs;
    for (const { fail } of overtaken.filter(isLate)) fail(notNow());
    this.#queue.unshift(...overtaken.filter((waiting) => !isLate(waiting)));
  }

  #armDeadline(): void {
    if (this.#cancelDeadline) return;
    const nowMs = this.#options.clock.now();
    const firstMs = this.#waited().reduce(
      (first, { deadlineMs }) => (deadlineMs > nowMs ? Math.min(first, deadlineMs) : first),
      Number.POSITIVE_INFINITY,
    );
    if (firstMs === Number.POSITIVE_INFINITY) return;
    this.#cancelDeadline = this.#options.clock.schedule(firstMs - nowMs, () => {
      this.#cancelDeadline = undefined;
      this.#expire();
      this.#armDeadline();
    });
  }

  /** Nobody waits for ever. What is under way stays so: it may still be stored, and the log will tell. */
  #expire(): void {
    const nowMs = this.#options.clock.now();
    for (const { commits } of this.#flights) {
      for (const { waiting } of commits) if (waiting.deadlineMs <= nowMs) waiting.fail(unknownOutcome());
    }
    const late = this.#queue.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    this.#queue = this.#queue.filter(({ deadlineMs }) => deadlineMs > nowMs);
    for (const waiting of late) waiting.fail(notNow());
    this.#settleIdle();
  }

  #waited(): readonly Waiting[] {
    return [...this.#flights.flatMap(({ commits }) => commits.map(({ waiting }) => waiting)), ...this.#queue];
  }

  #settleIdle(): void {
    if (!this.#onIdle) return;
    const nowMs = this.#options.clock.now();
    if (this.#waited().every(({ deadlineMs }) => deadlineMs <= nowMs)) this.#onIdle();
  }
}

/** What a caller is told of a commit that may have landed, or may yet. */
export const unknownOutcome = () =>
  new ApiError('Timeout', 'NATS has not said whether this was stored: look before you try it again');

const notNow = () => unavailable('NATS takes no writes now: nothing was changed, try again');
