/** What was sent and has no answer yet, in the order in which it is to stand in the log. */
import { endOf, type Flight, type Waiting } from './flight.ts';
import type { Draft } from './records.ts';

export class UnderWay {
  #flights: Flight[] = [];
  #lastDraft: Draft | undefined;

  get isEmpty(): boolean {
    return this.#flights.length === 0;
  }

  get first(): Flight | undefined {
    return this.#flights[0];
  }

  get last(): Flight | undefined {
    return this.#flights.at(-1);
  }

  /** As they are now: it does not change with them. */
  get flights(): readonly Flight[] {
    return [...this.#flights];
  }

  /** The record that is to stand last in the log. */
  get lastDraft(): Draft | undefined {
    return this.isEmpty ? undefined : this.#lastDraft;
  }

  /** Of what was sent, or else of the log. @param position of the log */
  lastSequence(position: number): number {
    const { last } = this;
    return last ? endOf(last) : position;
  }

  /** How many records. */
  get size(): number {
    const { first, last } = this;
    return first && last ? endOf(last) - first.base : 0;
  }

  /** The commits that are on their way, the first one first. */
  get waiting(): readonly Waiting[] {
    return this.#flights.flatMap(({ commits }) => commits.map(({ waiting }) => waiting));
  }

  /** Whether anything was sent. */
  get isAwaited(): boolean {
    return this.#flights.some(({ isSent }) => isSent);
  }

  add(flight: Flight): void {
    this.#flights.push(flight);
    this.#lastDraft = flight.drafts.at(-1) ?? this.#lastDraft;
  }

  /** More is decided into the last one. */
  extend(flight: Flight, drafts: readonly Draft[]): void {
    flight.drafts.push(...drafts);
    this.#lastDraft = drafts.at(-1) ?? this.#lastDraft;
  }

  /**
   * What is to stand at this place of the log. There is no map by ids: V8 keeps what was in a map that is filled and emptied all the
   * time until its next full collection, which doubled what each of the small ones costs.
   */
  draftAt(sequence: number): Draft | undefined {
    const flight = this.#flights.find((each) => sequence > each.base && sequence <= endOf(each));
    return flight?.drafts[sequence - flight.base - 1];
  }

  /** Takes out the first one where the log has all of it. */
  shiftLanded(position: number): Flight | undefined {
    const { first } = this;
    if (!first || endOf(first) > position) return undefined;
    this.#flights.shift();
    return first;
  }

  /** Takes out all; whatever is heard of them later means nothing any more. */
  clear(): readonly Flight[] {
    const flights = this.#flights;
    this.#flights = [];
    for (const flight of flights) flight.isVoid = true;
    return flights;
  }
}
