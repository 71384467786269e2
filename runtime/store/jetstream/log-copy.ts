/** A copy of the log in memory: read whole at first, then followed, and read whole again where that is the only way on. */
import type { Change } from '../../../api/store.ts';
import { MutableState } from '../state.ts';
import { difference } from './difference.ts';
import { Feed, ForkError } from './feed.ts';
import { ATTEMPT, type Draft, type Entry, readEntry } from './records.ts';
import type { BeforeOpening, CommitStream, Follower, Incoming, StreamPosition } from './stream.ts';
import type { Subjects } from './subjects.ts';

/**
 * Deletions are kept for an hour at least (see `tombstones.ts`). Who heard nothing for half of that reads everything again: a
 * deletion may have come and gone meanwhile.
 */
export const LONGEST_GAP_MS = 30 * 60_000;

export interface LogCopyOptions {
  readonly stream: CommitStream;
  readonly subjects: Subjects;
  readonly state: MutableState;
  /** Most changes that are given to `onLoaded`. */
  readonly historyLimit: number;
  /** A record that this server has drafted needs not be read. */
  readonly draftOf: (id: string) => Draft | undefined;
  readonly before: (entry: Entry) => void;
  readonly onChanges: (changes: readonly Change[]) => void;
  readonly after: () => void;
  /** Everything that was there is in the state. `recent` are all changes after revision `floor`. */
  readonly onLoaded: (recent: readonly Change[], floor: number) => void;
  /** All was read again: these are the differences, and the state shows them. */
  readonly onReloaded: (changes: readonly Change[], why: string) => void;
  /** It cannot be followed any more. */
  readonly onLost: (why: string) => void;
  readonly onContact: () => void;
  readonly onRecord: (record: Incoming) => void;
  readonly signal: AbortSignal;
}

export class LogCopy implements Follower {
  readonly feed: Feed;
  readonly #options: LogCopyOptions;
  #created: string | undefined;
  /** Where the log ended when it was opened. */
  #target = 0;
  #isLoaded = false;
  #isReloading = false;
  #recent: Change[] = [];
  #floor = 0;
  #stop = new AbortController();

  constructor(options: LogCopyOptions) {
    this.#options = options;
    this.feed = new Feed({ state: options.state, onChanges: (changes) => this.#onChanges(changes) });
  }

  start(): void {
    this.#stop = new AbortController();
    this.#options.stream.follow(this, AbortSignal.any([this.#options.signal, this.#stop.signal]));
  }

  position(): number {
    return this.feed.position;
  }

  onOpened({ created, first, last }: StreamPosition, { knew, gapMs }: BeforeOpening): boolean {
    this.#created ??= created;
    const why = this.#whyLost(created, last, knew);
    if (why !== undefined) {
      this.#options.onLost(why);
      return false;
    }
    this.#target = last;
    if (!this.#isLoaded) {
      this.#floor = Math.max(this.#floor, first - 1);
      if (this.feed.position >= last) this.#loaded();
    } else if (gapMs > LONGEST_GAP_MS) {
      void this.#reload(`nothing was heard of the log for ${Math.round(gapMs / 60_000)} minutes`);
      return false;
    }
    return true;
  }

  onContact(): void {
    this.#options.onContact();
  }

  onRecord(record: Incoming): void {
    if (this.#isReloading) return;
    const { draftOf, subjects, onRecord } = this.#options;
    if (record.sequence <= this.feed.position) {
      this.#check(record);
      return;
    }
    const own = draftOf(record.header(ATTEMPT));
    onRecord(record);
    this.take(own ? { ...own, sequence: record.sequence } : readEntry(record, subjects));
  }

  isKnown(record: Incoming): boolean {
    return (
      record.sequence <= this.feed.position || this.#options.draftOf(record.header(ATTEMPT)) !== undefined
    );
  }

  /** One that was heard of before it was read: it must be the same. */
  #check(record: Incoming): void {
    try {
      this.feed.check(record.sequence, record.header(ATTEMPT));
    } catch (error) {
      void this.#reload(error instanceof Error ? error.message : String(error));
    }
  }

  /** A record that is in the log for sure, read or heard of. */
  take(entry: Entry): void {
    const { before, after } = this.#options;
    if (this.#isReloading) return;
    if (!this.#isLoaded && entry.sequence !== this.feed.position + 1) {
      this.#recent = [];
      this.#floor = entry.sequence - 1;
    }
    before(entry);
    try {
      this.feed.take(entry);
    } catch (error) {
      if (!(error instanceof ForkError)) throw error;
      void this.#reload(error.message);
      return;
    }
    after();
    if (!this.#isLoaded && this.feed.position >= this.#target) this.#loaded();
  }

  #onChanges(changes: readonly Change[]): void {
    if (this.#isLoaded) {
      this.#options.onChanges(changes);
      return;
    }
    this.#recent.push(...changes);
    const { historyLimit } = this.#options;
    if (this.#recent.length <= 2 * historyLimit) return;
    const dropped = this.#recent.splice(0, this.#recent.length - historyLimit);
    this.#floor = dropped.at(-1)?.revision ?? this.#floor;
  }

  #loaded(): void {
    this.#isLoaded = true;
    this.#options.onLoaded(this.#recent, this.#floor);
    this.#recent = [];
  }

  #whyLost(created: string, last: number, knew: number): string | undefined {
    if (created !== this.#created)
      return `the stream was made anew at ${created}: it is not the one of ${this.#created}`;
    if (last < knew) {
      return `the stream ends with revision ${last}, and ${knew} was seen: acknowledged writes are lost`;
    }
    return undefined;
  }

  /** Reads the log from its beginning into a state beside the real one, and shows what differs in one turn. */
  async #reload(why: string): Promise<void> {
    if (this.#isReloading) return;
    this.#isReloading = true;
    this.#stop.abort();
    const { state, onReloaded, signal } = this.#options;
    const fresh = await this.#readWhole();
    if (signal.aborted) return;
    const changes = difference(state, fresh.state);
    this.feed.moveTo(fresh.position, fresh.lastId);
    state.apply(changes);
    state.revision = fresh.position;
    this.#isReloading = false;
    onReloaded(changes, why);
    this.start();
  }

  #readWhole(): Promise<{ state: MutableState; position: number; lastId: string }> {
    const { stream, subjects, signal } = this.#options;
    const state = new MutableState();
    const feed = new Feed({ state, onChanges: () => {} });
    const stop = new AbortController();
    let target = 0;
    return new Promise((resolve) => {
      const look = () => {
        if (feed.position < target) return;
        stop.abort();
        resolve({ state, position: feed.position, lastId: feed.lastId });
      };
      stream.follow(
        {
          position: () => feed.position,
          onOpened: ({ last }) => {
            target = last;
            look();
            return true;
          },
          onContact: () => {},
          onRecord: (record) => {
            feed.take(readEntry(record, subjects));
            look();
          },
        },
        AbortSignal.any([signal, stop.signal]),
      );
    });
  }
}
