/** A copy of the log in memory: read whole at first, then followed, and read whole again where that is the only way on. */
import type { Clock } from '../../../api/clock.ts';
import type { Change } from '../../../api/store.ts';
import type { MutableState } from '../state.ts';
import { difference } from './difference.ts';
import { Feed, ForkError } from './feed.ts';
import { ATTEMPT, asRead, type Draft, type Entry, readEntry, recordId } from './records.ts';
import type { BeforeOpening, CommitStream, Follower, Incoming, StreamPosition } from './stream.ts';
import type { Subjects } from './subjects.ts';
import { readWholeLog, type WholeLog } from './whole-log.ts';

/**
 * Deletions are kept for an hour at least (see `tombstones.ts`). Who heard nothing for half of that reads everything again: a
 * deletion may have come and gone meanwhile.
 */
const LONGEST_GAP_MS = 30 * 60_000;
/**
 * A leader that was paused, and has been replaced meanwhile, answers once or twice before it learns of that; a server that
 * has just started may not know yet of all streams.
 */
const LOOKS_BEFORE_LOST = 20;

export interface LogCopyOptions {
  readonly stream: CommitStream;
  readonly subjects: Subjects;
  readonly state: MutableState;
  /** Most changes that are given to `onLoaded`. */
  readonly historyLimit: number;
  /** A record that this server has drafted needs not be read. */
  readonly draftOf: (id: string, sequence: number) => Draft | undefined;
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
  /** Every record, once. */
  readonly onRecord: (record: Incoming) => void;
  readonly clock: Clock;
  /** A record that mill did not write: it is passed over. */
  readonly onForeign: (record: Incoming) => void;
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
  /** How often in a row the log was said to be missing, or to end before what was seen of it. */
  #shortAnswers = 0;
  #recent: Change[] = [];
  #floor = 0;
  #stop = new AbortController();

  constructor(options: LogCopyOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#stop.abort(), { once: true });
    this.feed = new Feed({ state: options.state, onChanges: (changes) => this.#onChanges(changes) });
  }

  start(): void {
    this.#stop = new AbortController();
    if (this.#options.signal.aborted) this.#stop.abort();
    this.#options.stream.follow(this, this.#stop.signal);
  }

  position(): number {
    return this.feed.position;
  }

  /** @throws Error where the answer is one of a server that is behind, as it seems: it is asked again */
  onOpened(position: StreamPosition, { knew, gapMs }: BeforeOpening): boolean {
    const { first, last } = position;
    const why = this.#whyLost(position, knew);
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

  onMissing(): void {
    this.#shortAnswers += 1;
    if (this.#shortAnswers >= LOOKS_BEFORE_LOST)
      this.#giveUp('it is gone: somebody deleted it, or its servers came back without their disks');
  }

  onRecord(record: Incoming): void {
    if (this.#isReloading || this.#stop.signal.aborted) return;
    try {
      this.#read(record);
    } catch (error) {
      this.#giveUp(`record ${record.sequence} on ${record.subject} cannot be read: ${messageOf(error)}`);
    }
  }

  isKnown(record: Incoming): boolean {
    return (
      record.sequence <= this.feed.position ||
      this.#options.draftOf(record.header(ATTEMPT), record.sequence) !== undefined
    );
  }

  #read(record: Incoming): void {
    const { draftOf, subjects, onRecord, onForeign } = this.#options;
    const { sequence } = record;
    if (sequence <= this.feed.position) {
      this.#check(record);
      return;
    }
    const own = draftOf(record.header(ATTEMPT), sequence);
    if (!own) onRecord(record);
    const entry = own ? { ...own, sequence } : readEntry(record, subjects);
    if (entry.content.type === 'foreign') onForeign(record);
    this.take(entry);
  }

  /** One that was heard of before it was read: it must be the same. */
  #check(record: Incoming): void {
    try {
      this.feed.check(record.sequence, recordId(record.header(ATTEMPT), record.sequence));
    } catch (error) {
      void this.#reload(messageOf(error));
    }
  }

  #giveUp(why: string): void {
    this.#stop.abort();
    this.#options.onLost(why);
  }

  /** A record that is in the log for sure, read or heard of. */
  take(entry: Entry | (Entry & Draft)): void {
    const { before, after, onRecord, clock } = this.#options;
    if (this.#isReloading) return;
    // What this server has written is known from the answer, and may never be read.
    const isNew = entry.sequence > this.feed.position;
    if (isNew && 'outgoing' in entry) onRecord(asRead(entry.outgoing, clock.now()));
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

  #whyLost({ created, last }: StreamPosition, knew: number): string | undefined {
    this.#created ??= created;
    if (created !== this.#created)
      return `the stream was made anew at ${created}: it is not the one of ${this.#created}`;
    if (last >= knew) {
      this.#shortAnswers = 0;
      return undefined;
    }
    const why = `the stream ends with revision ${last}, and ${knew} was seen: acknowledged writes are lost`;
    this.#shortAnswers += 1;
    if (this.#shortAnswers < LOOKS_BEFORE_LOST) throw new Error(why);
    return why;
  }

  /** Reads the log from its beginning into a state beside the real one, and shows what differs in one turn. */
  async #reload(why: string): Promise<void> {
    if (this.#isReloading) return;
    this.#isReloading = true;
    this.#stop.abort();
    const { stream, subjects, state, onReloaded, signal } = this.#options;
    const whyLost = (position: StreamPosition) => this.#whyLost(position, this.feed.position);
    let fresh: WholeLog;
    try {
      fresh = await readWholeLog({ stream, subjects, whyLost, signal });
    } catch (error) {
      this.#options.onLost(`${why}; and it cannot be read again: ${messageOf(error)}`);
      return;
    }
    if (signal.aborted) return;
    const changes = difference(state, fresh.state);
    this.feed.takeOver(fresh.feed);
    state.apply(changes);
    state.revision = fresh.state.revision;
    this.#isReloading = false;
    onReloaded(changes, why);
    this.start();
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
