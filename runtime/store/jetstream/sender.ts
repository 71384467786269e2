/** Sends a long row of records whose places are known beforehand, into a stream to which nobody else writes. */
import { type Clock, sleep } from '../../../api/clock.ts';
import type { Draft } from './records.ts';
import type { CommitStream, PublishOutcome, SendingMode } from './stream.ts';

/** Records sent together: within what a server takes as one batch (1,000), and enough to keep it busy. */
const MOST_RECORDS = 256;
/** What waits is held in memory; a record that is larger by itself goes alone. */
const MOST_CHARACTERS = 4 * 1_048_576;
/** An election takes some seconds; a cluster that does not come back in this time has lost its majority. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 250;

export interface SenderOptions {
  readonly stream: Pick<CommitStream, 'publish' | 'publishTogether' | 'position'>;
  readonly mode: SendingMode;
  /** Id of the record at a sequence; undefined where there is none. */
  readonly idAt: (sequence: number) => Promise<string | undefined>;
  readonly clock: Clock;
}

export class Sender {
  readonly #options: SenderOptions;
  #waiting: Draft[] = [];
  #characters = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Sends what waits where it is enough. @throws like `flush` */
  async add(record: Draft): Promise<void> {
    this.#waiting.push(record);
    this.#characters += record.outgoing.data.length;
    if (this.#waiting.length >= MOST_RECORDS || this.#characters >= MOST_CHARACTERS) await this.flush();
  }

  /** Resolves when all are stored, each in its place. @throws Error where somebody else writes, or nobody answers for long */
  async flush(): Promise<void> {
    const { clock } = this.#options;
    const giveUpMs = clock.now() + PATIENCE_MS;
    let rest = this.#waiting;
    this.#waiting = [];
    this.#characters = 0;
    while (rest.length > 0) {
      const failed = await this.#send(rest);
      if (failed === undefined) return;
      if (failed.type === 'refused') throw failed.error;
      const stored = await this.#look(rest, giveUpMs);
      // It is always safe to send the same again: only one record can get each place.
      if (stored === 0) await sleep(clock, PAUSE_MS);
      rest = rest.slice(stored);
    }
  }

  /** @returns the first outcome that is no success; undefined: all are stored in their places */
  async #send(records: readonly Draft[]): Promise<PublishOutcome | undefined> {
    const { stream, mode } = this.#options;
    const outgoing = records.map((record) => record.outgoing);
    const last = outgoing.at(-1);
    if (mode === 'batches' && last && outgoing.length > 1) {
      return failureOf(await stream.publishTogether(outgoing), last.after + 1);
    }
    // What is sent after one that failed fails as well: it has no record before it.
    const isSerial = mode !== 'pipelined';
    const answers: Promise<PublishOutcome | undefined>[] = [];
    for (const record of outgoing) {
      const answer = stream.publish(record).then((outcome) => failureOf(outcome, record.after + 1));
      answers.push(answer);
      if (isSerial && (await answer)) break;
    }
    return (await Promise.all(answers)).find((failure) => failure !== undefined);
  }

  /** How many of the records are stored, by the stream's own word. */
  async #look(records: readonly Draft[], giveUpMs: number): Promise<number> {
    const { stream, clock } = this.#options;
    const base = records[0]?.outgoing.after ?? 0;
    for (;;) {
      try {
        const stored = (await stream.position()).last - base;
        if (stored === 0) return this.#orGiveUp(giveUpMs);
        if (await this.#areOurs(base, records.slice(0, stored), stored)) return stored;
      } catch (error) {
        if (clock.now() >= giveUpMs || isClosed(error)) throw error;
        await sleep(clock, PAUSE_MS);
        continue;
      }
      throw new Error('somebody else writes to the stream while it is restored');
    }
  }

  /** All of them are looked at: where one is another's, those that were sent after it may be stored all the same. */
  async #areOurs(base: number, records: readonly Draft[], stored: number): Promise<boolean> {
    if (records.length !== stored) return false;
    for (const [index, { id }] of records.entries()) {
      if ((await this.#options.idAt(base + index + 1)) !== id) return false;
    }
    return true;
  }

  #orGiveUp(giveUpMs: number): number {
    if (this.#options.clock.now() < giveUpMs) return 0;
    throw new Error(`NATS stored nothing for ${PATIENCE_MS / 1_000} s`);
  }
}

const failureOf = (outcome: PublishOutcome, sequence: number): PublishOutcome | undefined =>
  outcome.type === 'stored' && outcome.sequence === sequence ? undefined : outcome;

/** Of the `nats` package: nobody opens such a connection again. */
const isClosed = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'CONNECTION_CLOSED';
