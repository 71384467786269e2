/** The store on a simulated disk: the real state, staging, history, watchers and group commit; only the disk is made up. */

import { ApiError } from '../../api/errors.ts';
import { silentLog } from '../../api/log.ts';
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
import { Head } from '../../runtime/store/head.ts';
import { DEFAULT_HISTORY_LIMIT, History } from '../../runtime/store/history.ts';
import type { JournalRecord } from '../../runtime/store/journal.ts';
import { CommitPipeline } from '../../runtime/store/pipeline.ts';
import { journalText, replayed, type StoredWrite, stage } from '../../runtime/store/staging.ts';
import { MutableState } from '../../runtime/store/state.ts';
import { Watchers } from '../../runtime/store/watchers.ts';
import { copyState } from '../vocabulary/state.ts';
import { never, type SimulatedProcess } from './process.ts';
import { between } from './randomness.ts';

/** What survives the server: the records that reached the disk. */
export class SimulatedDisk {
  recorded = 0;
  reserved = 0;
  /** Up to here the changes were seen by whoever observes. */
  observed = 0;
  isFull = false;
  slowestMs = 1;
  readonly #records: string[] = [];

  append(record: string): void {
    this.#records.push(record);
  }

  /** Reads the journal from its beginning, as a server that starts does. */
  read(): StoredWrite[] {
    const records = this.#records.map((record) => JSON.parse(record) as JournalRecord);
    const last = records.at(-1);
    this.recorded = last?.revision ?? 0;
    this.reserved = last?.reserved ?? 0;
    return records.flatMap(({ commits }) => commits.flat());
  }
}

export interface SimulatedStoreOptions {
  readonly disk: SimulatedDisk;
  readonly process: SimulatedProcess;
  readonly admission: Admission;
  /** Told every change once, when it is shown; the actor is not known of one that a dead server left. */
  readonly observe: (change: Change, actor: Actor | undefined, state: Reader) => void;
  /** Share of commits whose outcome their caller does not learn. */
  readonly unknownOutcomes: () => number;
}

export class SimulatedStore implements Store {
  readonly #options: SimulatedStoreOptions;
  readonly #state = new MutableState();
  readonly #head = new Head(this.#state);
  readonly #watchers: Watchers;
  readonly #pipeline: CommitPipeline;
  readonly #actors = new WeakMap<readonly Change[], Actor>();

  constructor(options: SimulatedStoreOptions) {
    this.#options = options;
    const { disk } = options;
    const history = new History(DEFAULT_HISTORY_LIMIT, 0);
    this.#watchers = new Watchers(history, silentLog);
    for (const write of disk.read()) {
      const change = replayed(this.#state, write);
      if (!change) continue;
      this.#state.apply([change]);
      history.record(change);
      if (change.revision > disk.observed) this.#observe(change, undefined);
    }
    this.#state.revision = Math.max(disk.reserved, this.#state.revision);
    history.forgetEphemeral(this.#state.revision);
    this.#pipeline = new CommitPipeline({
      journal: { append: (record, done) => this.#append(record, done) },
      recorded: disk.recorded,
      reserved: disk.reserved,
      onDurable: (changes) => this.#show(changes),
      defer: (callback) => options.process.timeline.defer(callback),
    });
  }

  get state(): Reader {
    return this.#state;
  }

  get failure(): ApiError | undefined {
    return this.#pipeline.failure;
  }

  get health(): StoreHealth {
    return this.failure ? { unwritable: this.failure.message } : {};
  }

  async barrier(): Promise<number> {
    return this.#state.revision;
  }

  async commit<T>(actor: Actor, decide: (state: Reader) => Decision<T>): Promise<Committed<T>> {
    const { process, unknownOutcomes } = this.#options;
    if (!process.isAlive) return never();
    const committed = await new Promise<Committed<T>>((resolve, reject) => {
      this.#decide(actor, decide, resolve, reject);
    });
    if (unknownOutcomes() > 0 && process.random() < unknownOutcomes()) {
      throw new ApiError('ServiceUnavailable', 'whether it was committed is not known');
    }
    return committed;
  }

  subscribe(options: WatchOptions, onChange: (change: Change) => void): void {
    this.#watchers.add(options, this.#state.revision, onChange);
  }

  /** Gives a replica what there is now. */
  copyTo(state: MutableState): void {
    copyState(this.#state, state);
  }

  async close(): Promise<void> {
    await this.#pipeline.idle();
    await this.#pipeline.seal(this.#state.revision);
  }

  #decide<T>(
    actor: Actor,
    decide: (state: Reader) => Decision<T>,
    resolve: (committed: Committed<T>) => void,
    reject: (error: unknown) => void,
  ): void {
    const head = this.#head;
    if (this.failure) {
      reject(this.failure);
      return;
    }
    try {
      const { writes, result } = decide(head);
      if (writes.length > 0) this.#options.admission(head, writes, actor);
      const { changes, objects, texts } = stage(head, writes);
      const record = journalText({ changes, texts });
      const revision = changes.at(-1)?.revision ?? head.revision;
      head.decide(changes, revision);
      this.#actors.set(changes, actor);
      const settle = () => resolve({ result, revision, objects });
      this.#pipeline.push({ changes, record, revision, settle, fail: reject });
    } catch (error) {
      const settle = () => reject(error);
      this.#pipeline.push({ changes: [], record: '', revision: head.revision, settle, fail: reject });
    }
  }

  /** The server may die before the record is on the disk, and after that, before it hears of it. */
  #append(record: string, done: (error: Error | null) => void): void {
    const { process, disk } = this.#options;
    const durationMs = between(process.random, 0.05, disk.slowestMs);
    process.timeline.after(durationMs / 2, () => {
      if (!process.step()) return;
      if (disk.isFull) {
        process.timeline.after(durationMs / 2, () => process.isAlive && done(new Error('ENOSPC')));
        return;
      }
      disk.append(record);
      process.timeline.after(durationMs / 2, () => process.step() && done(null));
    });
  }

  #show(changes: readonly Change[]): void {
    const actor = this.#actors.get(changes);
    this.#state.apply(changes);
    this.#head.settle(changes.length);
    for (const change of changes) this.#observe(change, actor);
    this.#watchers.publish(changes);
  }

  #observe(change: Change, actor: Actor | undefined): void {
    this.#options.observe(change, actor, this.#state);
    this.#options.disk.observed = Math.max(this.#options.disk.observed, change.revision);
  }
}
