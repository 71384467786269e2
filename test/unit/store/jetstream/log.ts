/** A log in memory that takes records as JetStream does. What gets through to each server, and back, is for the test to say. */
import type { ApiError } from '../../../../api/errors.ts';
import { ATTEMPT, PREVIOUS } from '../../../../runtime/store/jetstream/records.ts';
import {
  ANYWHERE,
  type CommitStream,
  type Follower,
  type Incoming,
  type Outgoing,
  type PublishOutcome,
  type SendingMode,
  type StreamPosition,
  type StreamTraits,
} from '../../../../runtime/store/jetstream/stream.ts';

/** As many as mill's buckets keep of each subject. */
const VERSIONS_KEPT = 2;

/** As nats-server has it. */
const LARGEST_BATCH = 1_000;

interface Stored {
  readonly sequence: number;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: string;
}

export class SharedLog {
  readonly mode: SendingMode;
  created = 'once';
  readonly #compares: 'stream' | 'subject';
  #records: Stored[] = [];
  #last = 0;
  #lastId = '';
  readonly #views: StreamView[] = [];

  /** @param compares what a record must follow: the last one of all, or of its subject */
  constructor(mode: SendingMode, compares: 'stream' | 'subject' = 'stream') {
    this.mode = mode;
    this.#compares = compares;
  }

  /** A server's way to it. */
  view(): StreamView {
    const view = new StreamView(this);
    this.#views.push(view);
    return view;
  }

  get position(): StreamPosition {
    return {
      first: this.#records[0]?.sequence ?? 1,
      last: this.#last,
      created: this.created,
      description: '',
    };
  }

  get records(): readonly Stored[] {
    return this.#records;
  }

  /** Whatever somebody writes who does not ask where it lands. */
  append(subject: string, headers: Readonly<Record<string, string>>, data: string): number {
    this.#last += 1;
    const stored = { sequence: this.#last, subject, headers, data };
    const same = this.#records.filter((record) => record.subject === subject);
    const superseded = same.slice(0, Math.max(0, same.length - VERSIONS_KEPT + 1));
    this.#records = [...this.#records.filter((record) => !superseded.includes(record)), stored];
    for (const view of this.#views) view.onAppended();
    return this.#last;
  }

  /** @param isTogether records that come together have no ids that a stream knows */
  publish({ subject, after, isChained, headers, data }: Outgoing, isTogether = false): PublishOutcome {
    if (after !== ANYWHERE && after !== this.#lastOf(subject)) return { type: 'overtaken' };
    const isChecked = isChained && this.mode === 'pipelined' && !isTogether;
    if (isChecked && headers[PREVIOUS] !== this.#lastId) return { type: 'overtaken' };
    this.#lastId = isTogether ? '' : (headers[ATTEMPT] ?? '');
    return { type: 'stored', sequence: this.append(subject, headers, data) };
  }

  #lastOf(subject: string): number {
    if (this.#compares === 'stream') return this.#last;
    return this.#records.findLast((record) => record.subject === subject)?.sequence ?? 0;
  }

  /** Clears a record away, as a purge does. */
  purge(sequence: number): void {
    this.#records = this.#records.filter((record) => record.sequence !== sequence);
  }
}

export class StreamView implements CommitStream {
  traits: StreamTraits;
  /** What is sent is stored, and nobody hears of it. */
  losesAnswers = false;
  /** What is sent does not arrive. */
  losesRecords = false;
  /** What is sent is on its way until then. */
  delay: Promise<void> | undefined;
  /** So many of those that are sent next arrive, and then none. */
  arrive = Number.POSITIVE_INFINITY;
  /** What the stream says once to a record of that subject, instead of taking it. */
  refuses: { readonly subject: string; readonly error: ApiError } | undefined;
  /** What a server says that does not know better. */
  claims: Partial<StreamPosition> = {};
  readonly #log: SharedLog;
  #isHeld = false;
  #follower: Follower | undefined;
  #delivered = 0;

  constructor(log: SharedLog) {
    this.#log = log;
    this.traits = { mode: log.mode, maxRecordBytes: 1_048_576 };
  }

  async publish(record: Outgoing): Promise<PublishOutcome> {
    if (this.delay) await this.delay;
    const { refuses } = this;
    if (refuses?.subject === record.subject) {
      this.refuses = undefined;
      return { type: 'refused', error: refuses.error };
    }
    return this.#answer(() => this.#log.publish(record));
  }

  async publishTogether(records: readonly Outgoing[]): Promise<PublishOutcome> {
    if (this.delay) await this.delay;
    if (records.length > LARGEST_BATCH) return { type: 'unknown', cause: new Error('too large') };
    return this.#answer(() => {
      let outcome: PublishOutcome = { type: 'overtaken' };
      for (const record of records) {
        outcome = this.#log.publish(record, records.length > 1);
        if (outcome.type !== 'stored') return outcome;
      }
      return outcome;
    });
  }

  async position(): Promise<StreamPosition> {
    return { ...this.#log.position, ...this.claims };
  }

  follow(follower: Follower, signal: AbortSignal): void {
    queueMicrotask(() => {
      if (signal.aborted) return;
      this.#follower = follower;
      signal.addEventListener('abort', () => {
        if (this.#follower === follower) this.#follower = undefined;
      });
      this.open();
    });
  }

  /** Reading begins again, as after a break. @throws what the follower says to it */
  open(gapMs = 0): void {
    const follower = this.#follower;
    const position = { ...this.#log.position, ...this.claims };
    if (!follower?.onOpened(position, { knew: follower.position(), gapMs })) return;
    this.#delivered = follower.position();
    this.onAppended();
  }

  /** Nothing is read for a while. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.onAppended();
  }

  onAppended(): void {
    if (this.#isHeld) return;
    for (const record of this.#log.records) {
      if (record.sequence <= this.#delivered) continue;
      this.#delivered = record.sequence;
      this.#follower?.onRecord(incoming(record));
    }
  }

  #answer(send: () => PublishOutcome): PublishOutcome {
    this.arrive -= 1;
    const outcome = this.losesRecords || this.arrive < 0 ? undefined : send();
    return outcome && !this.losesAnswers ? outcome : { type: 'unknown', cause: new Error('no answer') };
  }
}

const incoming = ({ sequence, subject, headers, data }: Stored): Incoming => ({
  sequence,
  subject,
  header: (name) => headers[name] ?? '',
  text: () => data,
  timeMs: 0,
});
