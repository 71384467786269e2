/** The embedded engine: the store in this process, its journal and snapshots in one directory. */
import { mkdir, rename, rm } from 'node:fs/promises';
import type { Clock } from '../../api/clock.ts';
import { ApiError } from '../../api/errors.ts';
import type { Log } from '../../api/log.ts';
import type {
  Actor,
  Admission,
  Change,
  Committed,
  Decision,
  Reader,
  Store,
  StoreHealth,
  WatchOptions,
} from '../../api/store.ts';
import { Compactor } from './compaction.ts';
import { Head } from './head.ts';
import { DEFAULT_HISTORY_LIMIT } from './history.ts';
import { Journal } from './journal.ts';
import { journalPath, listStore, removeOlder, snapshotPath } from './layout.ts';
import { type DirectoryLock, lockDirectory } from './lock.ts';
import { CommitPipeline, type DecidedCommit } from './pipeline.ts';
import { type Recovery, recover } from './recovery.ts';
import { createSegment, resumeSegment } from './segment.ts';
import { journalText, stage } from './staging.ts';
import type { MutableState } from './state.ts';
import { Watchers } from './watchers.ts';

export interface EmbeddedStoreOptions {
  /** Created where it is missing. One process at a time. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly admission: Admission;
  /** How many changes a watcher may be behind; 8,192 where absent. */
  readonly historyLimit?: number;
  /** Bytes of journal that call for a snapshot; 16 MiB where absent, or as much as the last snapshot has. */
  readonly compactBytes?: number;
}

export interface EmbeddedStore extends Store {
  /** Writes a snapshot now and drops the journals before it. */
  compact(): Promise<void>;
}

/**
 * Opens the store of a directory, taking up everything that was ever acknowledged.
 * @throws Error in one line where another process has it open, or where it is damaged
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const { dir, clock, log, historyLimit = DEFAULT_HISTORY_LIMIT } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const lock = await lockDirectory(dir, clock);
  try {
    const startedMs = clock.now();
    const recovery = await recover(dir, historyLimit);
    for (const warning of recovery.warnings) log.warn({ dir }, warning);
    const journal = await openJournal(dir, recovery);
    const { revision } = recovery.state;
    log.info({ dir, revision, records: recovery.records, tookMs: clock.now() - startedMs }, 'store opened');
    return new EmbeddedEngine(options, lock, recovery, journal);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Makes the directory what recovery has read: cuts a torn tail, clears away what is left of a compaction. */
async function openJournal(dir: string, recovery: Recovery): Promise<Journal> {
  for (const path of (await listStore(dir)).unfinished) await rm(path, { force: true });
  for (const number of recovery.unused) await rm(journalPath(dir, number), { force: true });
  if (recovery.snapshot !== undefined) await removeOlder(dir, recovery.snapshot);
  for (const number of recovery.damaged) {
    await rename(snapshotPath(dir, number), `${snapshotPath(dir, number)}.damaged`);
  }
  const end = recovery.journal;
  const segment =
    end && end.endOffset > 0
      ? await resumeSegment(dir, end.number, end)
      : await createSegment(dir, end?.number ?? 1);
  return new Journal(segment, recovery.journalBytes);
}

class EmbeddedEngine implements EmbeddedStore {
  /** What is durable. */
  readonly #state: MutableState;
  /** What is decided: `#state` and the commits on their way to the disk. */
  readonly #head: Head;
  readonly #options: EmbeddedStoreOptions;
  readonly #lock: DirectoryLock;
  readonly #journal: Journal;
  readonly #pipeline: CommitPipeline;
  readonly #watchers: Watchers;
  readonly #compactor: Compactor;
  #deciding = false;
  #closed: Promise<void> | undefined;

  constructor(options: EmbeddedStoreOptions, lock: DirectoryLock, recovery: Recovery, journal: Journal) {
    const { log } = options;
    const { state, history, recorded, reserved } = recovery;
    this.#options = options;
    this.#lock = lock;
    this.#journal = journal;
    this.#state = state;
    this.#head = new Head(state);
    this.#watchers = new Watchers(history, log);
    const onDurable = (changes: readonly Change[]) => this.#show(changes);
    this.#pipeline = new CommitPipeline({ journal, recorded, reserved, onDurable });
    const { snapshotBytes } = recovery;
    this.#compactor = new Compactor({ ...options, journal, pipeline: this.#pipeline, state, snapshotBytes });
  }

  get state(): Reader {
    return this.#state;
  }

  get health(): StoreHealth {
    const { failure } = this.#pipeline;
    return failure ? { unwritable: failure.message } : {};
  }

  /** What is acknowledged is shown before. */
  async barrier(): Promise<number> {
    return this.#state.revision;
  }

  commit<T>(actor: Actor, decide: (state: Reader) => Decision<T>): Promise<Committed<T>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(new ApiError('ServiceUnavailable', 'the store is closed'));
      else if (this.#pipeline.failure) reject(this.#pipeline.failure);
      else this.#pipeline.push(this.#decide(actor, decide, resolve, reject));
    });
  }

  subscribe(options: WatchOptions, onChange: (change: Change) => void): void {
    if (this.#closed) throw new ApiError('ServiceUnavailable', 'the store is closed');
    this.#watchers.add(options, this.#state.revision, onChange);
  }

  compact(): Promise<void> {
    return this.#compactor.compact();
  }

  /** What was committed until now is finished first. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Decides on the head, and moves the head on. A refusal is an answer too: it waits for what it was judged by. */
  #decide<T>(
    actor: Actor,
    decide: (state: Reader) => Decision<T>,
    resolve: (committed: Committed<T>) => void,
    reject: (error: unknown) => void,
  ): DecidedCommit {
    const head = this.#head;
    if (this.#deciding) throw new Error('a commit inside the decision of another would land before it');
    this.#deciding = true;
    try {
      const { writes, result } = decide(head);
      if (writes.length > 0) this.#options.admission(head, writes, actor);
      const { changes, objects, texts } = stage(head, writes);
      const record = journalText({ changes, texts });
      const revision = changes.at(-1)?.revision ?? head.revision;
      head.decide(changes, revision);
      return {
        changes,
        record,
        revision,
        settle: () => resolve({ result, revision, objects }),
        fail: reject,
      };
    } catch (error) {
      return { changes: [], record: '', revision: head.revision, settle: () => reject(error), fail: reject };
    } finally {
      this.#deciding = false;
    }
  }

  #show(changes: readonly Change[]): void {
    this.#state.apply(changes);
    this.#head.settle(changes.length);
    this.#watchers.publish(changes);
    this.#compactor.consider();
  }

  async #close(): Promise<void> {
    await this.#compactor.close();
    await this.#pipeline.idle();
    try {
      await this.#pipeline.seal(this.#state.revision);
    } finally {
      this.#watchers.clear();
      try {
        await this.#journal.close();
      } finally {
        await this.#lock.release();
      }
    }
  }
}
