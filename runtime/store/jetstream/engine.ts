/** The store on two streams: the log of the objects, and the leases. Over NATS it is opened by `store.ts`. */
import type { Clock } from '../../../api/clock.ts';
import { ApiError, unavailable } from '../../../api/errors.ts';
import { isEphemeral, type KindName } from '../../../api/kinds/index.ts';
import type { Log } from '../../../api/log.ts';
import type {
  Actor,
  Admission,
  Change,
  CommitHint,
  Committed,
  Decision,
  Reader,
  Store,
  StoreHealth,
  WatchOptions,
} from '../../../api/store.ts';
import { Head } from '../head.ts';
import { DEFAULT_HISTORY_LIMIT, History } from '../history.ts';
import { MutableState } from '../state.ts';
import { Watchers } from '../watchers.ts';
import { Committer } from './committer.ts';
import { Ephemeral } from './ephemeral.ts';
import { type Channel, HandOver } from './hand-over.ts';
import { Health } from './health.ts';
import { LogCopy } from './log-copy.ts';
import { Shown } from './shown.ts';
import type { CommitStream, Incoming } from './stream.ts';
import type { Subjects } from './subjects.ts';

export interface EngineOptions {
  readonly objects: CommitStream;
  readonly leases: CommitStream;
  readonly subjects: Subjects;
  readonly leaseSubjects: Subjects;
  readonly channel: Channel;
  /** Id of this server. */
  readonly server: string;
  /** Id of the server that commits for all; undefined: none does. */
  readonly writer: (state: Reader) => string | undefined;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
  /** An id that no other commit of any server has. */
  readonly newAttempt: () => string;
  readonly historyLimit?: number | undefined;
  /** Since when there is no connection, in ms since the epoch; undefined while there is one. */
  readonly disconnectedSinceMs: () => number | undefined;
  /** Every record of the log, as it is read. */
  readonly onRecord?: ((record: Incoming) => void) | undefined;
}

export class Engine implements Store {
  /** Resolves when everything that was there is in the state. Rejects where it cannot be read. */
  readonly loaded: Promise<void>;
  readonly #options: EngineOptions;
  readonly #state = new MutableState();
  readonly #head = new Head(this.#state);
  readonly #copy: LogCopy;
  readonly #committer: Committer;
  readonly #ephemeral: Ephemeral;
  readonly #handOver: HandOver;
  readonly #health: Health;
  readonly #shown: Shown;
  readonly #abort = new AbortController();
  #history: History;
  #watchers: Watchers;
  #closed: Promise<void> | undefined;
  #onLoaded = () => {};
  #onFailed: (error: Error) => void = () => {};

  constructor(options: EngineOptions) {
    const { objects: stream, leases, subjects, leaseSubjects, clock, log, admission, newAttempt } = options;
    const { historyLimit = DEFAULT_HISTORY_LIMIT } = options;
    const { signal } = this.#abort;
    const state = this.#state;
    this.#options = options;
    state.ephemeralRevision = 0;
    this.#history = new History(historyLimit, 0);
    this.#watchers = new Watchers(this.#history, log);
    const loaded = new Promise<void>((resolve, reject) => {
      this.#onLoaded = resolve;
      this.#onFailed = reject;
    });
    this.#health = new Health({ clock, leases, leaseSubjects, server: options.server, newAttempt, signal });
    this.#copy = new LogCopy({
      stream,
      subjects,
      state,
      historyLimit,
      clock,
      draftOf: (id, sequence) => this.#committer.draftOf(id, sequence),
      before: (entry) => this.#committer.before(entry),
      onChanges: (changes) => this.#watchers.publish(changes),
      after: () => this.#afterRecord(),
      onLoaded: (recent, floor) => this.#begin(recent, floor),
      onReloaded: (changes, why) => this.#reloaded(changes, why),
      onLost: (why) => this.#lose(why),
      onContact: () => this.#health.heard(),
      onRecord: (record) => options.onRecord?.(record),
      onForeign: ({ sequence, subject }) =>
        log.error({ revision: sequence, subject }, 'a record that mill did not write is passed over'),
      signal,
    });
    const { feed } = this.#copy;
    this.#ephemeral = new Ephemeral({
      stream: leases,
      subjects: leaseSubjects,
      state,
      clock,
      admission,
      newAttempt,
      onChanges: (changes) => this.#watchers.publish(changes),
      onForgotten: () => this.#history.forgetEphemeral(state.ephemeralRevision ?? 0),
      onQuorum: () => this.#health.confirmed(),
      signal,
    });
    const head = this.#head;
    const ephemeral = this.#ephemeral;
    const take: LogCopy['take'] = (entry) => this.#copy.take(entry);
    this.#committer = new Committer({ ...options, stream, feed, head, ephemeral, take });
    const committer = this.#committer;
    this.#shown = new Shown(state, clock);
    const shown = (revision: number) => this.#shown.at(revision);
    this.#handOver = new HandOver({ ...options, state, head, feed, committer, ephemeral, shown });
    this.loaded = Promise.all([loaded, this.#ephemeral.loaded]).then(() => this.#serve());
    this.#copy.start();
    leases.follow(this.#ephemeral, signal);
  }

  get state(): Reader {
    return this.#state;
  }

  /** Sequence and id of the last record that was taken. */
  get lastRecord(): { readonly revision: number; readonly id: string } {
    const { position, lastId } = this.#copy.feed;
    return { revision: position, id: lastId };
  }

  get health(): StoreHealth {
    return this.#health.report(this.#options.disconnectedSinceMs(), this.#committer.stalledSinceMs);
  }

  async commit<T>(
    actor: Actor,
    decide: (state: Reader) => Decision<T>,
    hint: CommitHint = {},
  ): Promise<Committed<T>> {
    this.#refuseWhereHopeless();
    if (hint.kind !== undefined && isEphemeral(hint.kind)) return this.#ephemeral.commit(actor, decide);
    const writer = this.#handOver.writer();
    return writer === undefined
      ? this.#committer.commit(actor, decide, { isProved: !this.#handOver.isWriter })
      : this.#handOver.commit(writer, actor, decide);
  }

  subscribe(options: WatchOptions, onChange: (change: Change) => void): void {
    if (this.#closed) throw new ApiError('ServiceUnavailable', 'the store is closed');
    this.#watchers.add(options, this.#revisionFor(options.kinds), onChange);
  }

  async barrier(): Promise<number> {
    this.#refuseWhereHopeless();
    return this.#committer.barrier();
  }

  /** What was committed until now is finished first, where that is possible in time. */
  close(): Promise<void> {
    this.#closed ??= this.#committer.close().then(() => {
      this.#watchers.clear();
      this.#abort.abort();
    });
    return this.#closed;
  }

  #serve(): void {
    if (!this.#abort.signal.aborted) this.#handOver.serve(this.#abort.signal);
  }

  #revisionFor(kinds: readonly KindName[] | undefined): number {
    const { ephemeralRevision, revision } = this.#state;
    return kinds?.every(isEphemeral) ? (ephemeralRevision ?? revision) : revision;
  }

  /** Where it is known that nothing can be committed, nobody waits to learn it. */
  #refuseWhereHopeless(): void {
    if (this.#closed) throw new ApiError('ServiceUnavailable', 'the store is closed');
    const why = this.#health.whyHopeless(this.#options.disconnectedSinceMs());
    if (why !== undefined) throw unavailable(why);
  }

  #begin(recent: readonly Change[], floor: number): void {
    const { historyLimit = DEFAULT_HISTORY_LIMIT, log } = this.#options;
    this.#history = new History(historyLimit, floor);
    this.#history.forgetEphemeral(this.#state.ephemeralRevision ?? 0);
    for (const change of recent) this.#history.record(change);
    this.#watchers = new Watchers(this.#history, log);
    this.#head.reset();
    this.#onLoaded();
  }

  #afterRecord(): void {
    this.#committer.after();
    this.#health.heard();
    this.#shown.look();
  }

  #reloaded(changes: readonly Change[], why: string): void {
    this.#options.log.error({ why, changes: changes.length }, 'the log was read again from its beginning');
    this.#committer.abandonUnderWay();
    this.#head.reset();
    this.#watchers.publish(changes);
    this.#afterRecord();
  }

  #lose(why: string): void {
    const message = `${why}. This server takes no writes any more, and shows what it had; see docs/nats.md`;
    this.#options.log.error({ why }, 'the stream cannot be followed any more');
    this.#onFailed(new Error(`the stream cannot be followed: ${why}`));
    this.#health.failed(message);
    this.#committer.abandon(new ApiError('ServiceUnavailable', message));
  }
}
