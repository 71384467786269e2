/**
 * Group commit: what is decided while the disk is busy goes out together as one record, in order. A commit is
 * answered when all that it was decided on is on disk, also where it writes nothing or was refused.
 */
import { ApiError } from '../../api/errors.ts';
import type { Change } from '../../api/store.ts';
import type { Journal } from './journal.ts';

/** Revisions set aside at a time for ephemeral objects: one write to the disk for so many heartbeats. */
const RESERVED_REVISIONS = 10_000;
/** Characters of JSON in one record; what is over waits for the next one. Bounds the delay of the commits in it. */
const MAX_RECORD_CHARACTERS = 4 * 1024 * 1024;

/** A commit that has been decided, on its way to the disk. */
export interface DecidedCommit {
  readonly changes: readonly Change[];
  /** JSON of the writes that go to disk; empty: none of them does. */
  readonly record: string;
  /** Revision of the store after it. */
  readonly revision: number;
  /** Answers the caller. */
  readonly settle: () => void;
  readonly fail: (error: ApiError) => void;
}

/** What the pipeline needs of a journal; see `Journal`. */
type Appendable = Pick<Journal, 'append'>;

interface PipelineOptions {
  readonly journal: Appendable;
  /** See `JournalRecord`. */
  readonly recorded: number;
  readonly reserved: number;
  /** Shows a commit's changes, just before its caller is answered. */
  readonly onDurable: (changes: readonly Change[]) => void;
  /** Calls back when those who were answered have gone on. Default: the next tick. */
  readonly defer?: (callback: () => void) => void;
}

export class CommitPipeline {
  readonly #journal: Appendable;
  readonly #onDurable: (changes: readonly Change[]) => void;
  readonly #defer: (callback: () => void) => void;
  #recorded: number;
  #reserved: number;
  #waiting: DecidedCommit[] = [];
  #scheduled = false;
  #writing = false;
  #settling = false;
  #failure: ApiError | undefined;
  #boundary: (() => void) | undefined;
  #onIdle: (() => void) | undefined;

  constructor({ journal, recorded, reserved, onDurable, defer = process.nextTick }: PipelineOptions) {
    this.#journal = journal;
    this.#recorded = recorded;
    this.#reserved = reserved;
    this.#onDurable = onDurable;
    this.#defer = defer;
  }

  /** Why nothing can be committed any more. */
  get failure(): ApiError | undefined {
    return this.#failure;
  }

  /** See `JournalRecord`. */
  get recorded(): number {
    return this.#recorded;
  }

  get reserved(): number {
    return this.#reserved;
  }

  push(commit: DecidedCommit): void {
    if (this.#failure) {
      commit.fail(this.#failure);
      return;
    }
    const isBusy = this.#writing || this.#settling || this.#waiting.length > 0;
    if (!isBusy && !this.#needsDisk(commit)) {
      this.#settle([commit]);
      return;
    }
    this.#waiting.push(commit);
    this.#schedule();
  }

  /**
   * Runs `action` at a moment when all that was ever appended is durable and shown, before the next append.
   * One at a time. @throws ApiError where the journal has failed
   */
  atBoundary<T>(action: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#boundary = () => {
        try {
          if (this.#failure) throw this.#failure;
          resolve(action());
        } catch (error) {
          reject(error);
        }
      };
      this.#schedule();
    });
  }

  /** Resolves when nothing is under way any more. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#schedule();
    });
  }

  /** Gives back the revisions that were set aside, so that the next start goes on without a gap. When idle. */
  seal(revision: number): Promise<void> {
    if (this.#failure || (this.#reserved === revision && this.#recorded === revision))
      return Promise.resolve();
    return new Promise((resolve, reject) => {
      const record = recordOf({ previous: this.#recorded, revision, reserved: revision }, []);
      this.#journal.append(record, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Not at once: what the callers do next, now that they were answered, goes into the same record. */
  #schedule(): void {
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    this.#defer(this.#pump);
  }

  readonly #pump = (): void => {
    this.#scheduled = false;
    if (this.#writing) return;
    const boundary = this.#boundary;
    this.#boundary = undefined;
    boundary?.();
    const commits = this.#takeWaiting();
    const last = commits.at(-1);
    if (!last) {
      this.#onIdle?.();
      return;
    }
    if (commits.some((commit) => this.#needsDisk(commit))) {
      this.#write(commits, last.revision);
    } else {
      this.#settle(commits);
      this.#schedule();
    }
  };

  /** A change of ephemeral objects alone does where its revisions are not set aside yet. */
  #needsDisk({ record, changes, revision }: DecidedCommit): boolean {
    return record !== '' || (changes.length > 0 && revision > this.#reserved);
  }

  #takeWaiting(): DecidedCommit[] {
    const commits = this.#waiting;
    let characters = 0;
    const fitting = commits.findIndex((commit, index) => {
      characters += commit.record.length;
      return index > 0 && characters > MAX_RECORD_CHARACTERS;
    });
    this.#waiting = fitting < 0 ? [] : commits.splice(fitting);
    return commits;
  }

  #write(commits: readonly DecidedCommit[], revision: number): void {
    const records = commits.filter((commit) => commit.record !== '').map((commit) => commit.record);
    const isLow = this.#reserved - revision < RESERVED_REVISIONS / 2;
    const reserved = isLow ? revision + RESERVED_REVISIONS : this.#reserved;
    this.#writing = true;
    this.#journal.append(recordOf({ previous: this.#recorded, revision, reserved }, records), (error) => {
      this.#writing = false;
      if (error) {
        this.#fail(error, commits);
        return;
      }
      this.#recorded = revision;
      this.#reserved = reserved;
      this.#settle(commits);
      this.#schedule();
    });
  }

  #settle(commits: readonly DecidedCommit[]): void {
    this.#settling = true;
    for (const { changes, settle } of commits) {
      if (changes.length > 0) this.#onDurable(changes);
      settle();
    }
    this.#settling = false;
  }

  /** For good: after a failed sync nobody knows what is on disk, and asking again would claim that all of it is. */
  #fail(cause: Error, commits: readonly DecidedCommit[]): void {
    const failure = new ApiError(
      'ServiceUnavailable',
      `the journal cannot be written (${cause.message}): reads go on, writes need a restart, which shows what was stored`,
      {},
      { cause },
    );
    this.#failure = failure;
    const refused = [...commits, ...this.#waiting];
    this.#waiting = [];
    for (const commit of refused) commit.fail(failure);
    this.#schedule();
  }
}

/** JSON of a `JournalRecord`, from commits that are JSON already. */
function recordOf(
  head: { previous: number; revision: number; reserved: number },
  commits: readonly string[],
): string {
  const { previous, revision, reserved } = head;
  return `{"previous":${previous},"revision":${revision},"reserved":${reserved},"commits":[${commits.join(',')}]}`;
}
