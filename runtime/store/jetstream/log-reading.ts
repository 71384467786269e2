/** One reading of a bucket's whole log, record by record, that goes on where a server would stop. */
import type { Problem } from '../../../api/audit/check.ts';
import type { Clock } from '../../../api/clock.ts';
import { MutableState } from '../state.ts';
import { Feed, ForkError } from './feed.ts';
import { ATTEMPT, type Entry, readEntry, recordId } from './records.ts';
import type { CommitStream, Follower, Incoming, StreamPosition } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** Nothing is heard of the stream for so long: nobody answers. Longer than an election takes. */
const SILENCE_MS = 30_000;
/** A commit whose records are not all there at the end may be on its way: servers go on meanwhile. */
const COMMIT_WAIT_MS = 5_000;
/** Of a log that is broken all over, the first ones tell. */
const MAX_PROBLEMS = 1_000;

/** Reads up to where the log ended when it was opened, and to the end of the commit that was under way there. */
export class LogReading implements Follower {
  readonly state = new MutableState();
  readonly problems: Problem[] = [];
  records = 0;
  readonly #subjects: Subjects;
  readonly #clock: Clock;
  readonly #feed: Feed;
  readonly #stop = new AbortController();
  #target: number | undefined;
  #fail: (error: Error) => void = () => {};
  #cancelWait = () => {};

  constructor(subjects: Subjects, clock: Clock) {
    this.#subjects = subjects;
    this.#clock = clock;
    this.#feed = new Feed({ state: this.state, onChanges: () => {} });
  }

  /** @throws Error where nobody answers */
  async follow(stream: CommitStream): Promise<void> {
    const { signal } = this.#stop;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#fail = reject;
        signal.addEventListener('abort', () => resolve(), { once: true });
        this.#awaitContact();
        stream.follow(this, signal);
      });
    } finally {
      this.#cancelWait();
      this.#stop.abort();
    }
  }

  position(): number {
    return this.#feed.position;
  }

  onOpened({ last }: StreamPosition): boolean {
    this.#target ??= last;
    this.#look();
    return !this.#stop.signal.aborted;
  }

  onContact(): void {
    if (!this.#isAtTarget()) this.#awaitContact();
  }

  onRecord(record: Incoming): void {
    if (this.#stop.signal.aborted) return;
    this.records += 1;
    this.#take(this.#read(record));
    this.#look();
  }

  /** What a record that cannot be read says is lost; what follows upon it is judged by its id. */
  #read(record: Incoming): Entry {
    const { sequence, subject } = record;
    let entry: Entry;
    try {
      entry = readEntry(record, this.#subjects);
    } catch (error) {
      this.#complain(
        sequence,
        error instanceof SyntaxError ? `what is on ${subject} is not JSON` : (error as Error).message,
      );
      const id = recordId(record.header(ATTEMPT), sequence);
      return { sequence, id, previous: '', together: 1, content: { type: 'foreign' } };
    }
    const { content } = entry;
    if (content.type === 'foreign') this.#complain(sequence, `what is on ${subject} was not written by mill`);
    const expected = content.type === 'put' ? this.#subjects.of(content.object) : subject;
    if (expected !== subject) this.#complain(sequence, `what is on ${subject} belongs on ${expected}`);
    return entry;
  }

  #take(entry: Entry): void {
    try {
      this.#feed.take(entry);
    } catch (error) {
      if (!(error instanceof ForkError)) throw error;
      this.#complain(entry.sequence, error.message);
      this.#feed.take({ ...entry, previous: this.#feed.lastId });
    }
  }

  #isAtTarget(): boolean {
    return this.#target !== undefined && this.#feed.position >= this.#target;
  }

  #look(): void {
    if (!this.#isAtTarget()) return;
    const { isWithinCommit, position } = this.#feed;
    if (!isWithinCommit) {
      this.#stop.abort();
      return;
    }
    this.#cancelWait();
    this.#cancelWait = this.#clock.schedule(COMMIT_WAIT_MS, () => {
      this.#complain(
        position,
        'the log ends in the middle of a commit; the next server that starts finishes it',
      );
      this.#stop.abort();
    });
  }

  #awaitContact(): void {
    this.#cancelWait();
    this.#cancelWait = this.#clock.schedule(SILENCE_MS, () =>
      this.#fail(
        new Error(`nothing is heard of stream ${this.#subjects.stream} for ${SILENCE_MS / 1_000} s`),
      ),
    );
  }

  #complain(sequence: number, message: string): void {
    if (this.problems.length < MAX_PROBLEMS)
      this.problems.push({ object: '', path: `revision ${sequence}`, message });
  }
}
