/** Sends what waits: decided when it goes out, or prepared while something else is on its way, and again where nothing is heard of it. */
import type { Decider } from './decider.ts';
import type { Feed } from './feed.ts';
import { endOf, type Flight, MAX_RECORDS_UNDER_WAY } from './flight.ts';
import { draftAgain } from './records.ts';
import type { Resending } from './resending.ts';
import { type Heard, sendFlight } from './sending.ts';
import type { CommitStream } from './stream.ts';
import type { Subjects } from './subjects.ts';
import type { UnderWay } from './under-way.ts';
import type { WaitingCommits } from './waiting-commits.ts';

export interface DeparturesOptions {
  readonly stream: CommitStream;
  readonly feed: Feed;
  readonly subjects: Subjects;
  readonly decider: Decider;
  readonly queue: WaitingCommits;
  readonly underWay: UnderWay;
  readonly resending: Resending;
  readonly heard: Heard;
}

export class Departures {
  readonly #options: DeparturesOptions;
  #isPumpDue = false;

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  /** Something waits. */
  added(): void {
    // Where records follow one another without waiting, so do decisions; else what comes in this turn goes together.
    if (this.#options.stream.traits.mode === 'pipelined') this.#pump();
    else this.schedule();
  }

  /** Not at once: what the callers do next, now that they were answered, goes out together. */
  schedule(): void {
    if (this.#isPumpDue || this.#options.queue.length === 0) return;
    this.#isPumpDue = true;
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#isPumpDue = false;
        this.#pump();
      }),
    );
  }

  /** What went before has landed: what was decided meanwhile goes out. */
  sendPrepared(): void {
    const { underWay, resending } = this.#options;
    const { first } = underWay;
    if (first && !first.isSent && !resending.isDue) this.#send(first);
  }

  /** Nothing was heard of what was sent for too long. */
  sendAgain(): void {
    const { underWay, resending } = this.#options;
    if (!underWay.isAwaited) resending.end();
    for (const flight of underWay.flights) if (flight.isSent && !flight.isVoid) this.#send(flight);
    this.schedule();
  }

  #pump(): void {
    const { stream, feed, queue, underWay, resending } = this.#options;
    while (!resending.isDue && (queue.length > 0 || feed.unfinished)) {
      const { mode } = stream.traits;
      const isAlone = underWay.isEmpty;
      // The two ways do not mix: what is under way lands first.
      if (!isAlone && underWay.last?.mode !== mode) return;
      if (feed.unfinished) {
        if (!isAlone) return;
        this.#launch(this.#completion());
      } else if (isAlone && feed.isWithinCommit) {
        // Of another server: the rest of it is in the log, and what is decided now would be judged without it.
        return;
      } else if (isAlone || (mode === 'pipelined' && underWay.size < MAX_RECORDS_UNDER_WAY)) {
        const flight = this.#newFlight();
        this.#decideInto(flight, mode === 'batches' ? queue.length : 1);
        this.#launch(flight);
      } else if (mode !== 'batches' || !this.#prepare()) return;
    }
  }

  /** Decides what goes out next while something else is on its way. @returns false where that is enough already */
  #prepare(): boolean {
    const { queue, underWay } = this.#options;
    const { last } = underWay;
    const flight = last && !last.isSent ? last : this.#newFlight();
    if (flight.drafts.length >= MAX_RECORDS_UNDER_WAY) return false;
    if (flight !== last) underWay.add(flight);
    this.#decideInto(flight, queue.length);
    return true;
  }

  #launch(flight: Flight): void {
    const { underWay } = this.#options;
    if (flight.drafts.length > 0) {
      if (flight !== underWay.last) underWay.add(flight);
      this.#send(flight);
      return;
    }
    // Nothing of it is stored, but its answers depend on what is still under way.
    const { last } = underWay;
    if (last) last.commits.push(...flight.commits);
    else for (const { answer } of flight.commits) answer();
  }

  /** The rest of a commit that its server did not live to finish. */
  #completion(): Flight {
    const { feed, stream, subjects } = this.#options;
    const base = feed.position;
    const { parts, sequence } = feed.unfinished ?? { parts: [], sequence: base };
    const drafts = parts.slice(base - sequence).map((outgoing) => draftAgain(outgoing, subjects));
    const { mode } = stream.traits;
    return { mode, base, drafts, commits: [], isSent: false, isVoid: false };
  }

  #newFlight(): Flight {
    const { stream, feed, underWay } = this.#options;
    const { mode } = stream.traits;
    const base = underWay.lastSequence(feed.position);
    return { mode, base, drafts: [], commits: [], isSent: false, isVoid: false };
  }

  /** @param most commits that wait; fewer where their records are many */
  #decideInto(flight: Flight, most: number): void {
    const { feed, queue, underWay, decider } = this.#options;
    const isUnderWay = flight === underWay.last;
    for (let count = 0; count < most && flight.drafts.length < MAX_RECORDS_UNDER_WAY; count++) {
      const waiting = queue.shift();
      if (!waiting) return;
      const before = flight.drafts.at(-1) ?? underWay.lastDraft;
      const { drafts, decided } = decider.decide(waiting, {
        after: endOf(flight),
        previous: before?.id ?? feed.lastId,
        isChained: before !== undefined && flight.mode === 'pipelined',
      });
      if (isUnderWay) underWay.extend(flight, drafts);
      else flight.drafts.push(...drafts);
      flight.commits.push(decided);
    }
  }

  #send(flight: Flight): void {
    const { stream, feed, heard } = this.#options;
    flight.isSent = true;
    sendFlight(flight, stream, feed, heard);
  }
}
