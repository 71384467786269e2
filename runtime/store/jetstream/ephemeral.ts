/** Leases: in a memory stream of their own, one subject each, compared and set by themselves and counted apart. */
import { type Clock, sleep } from '../../../api/clock.ts';
import { ApiError } from '../../../api/errors.ts';
import { type AnyObject, isEphemeral } from '../../../api/kinds/index.ts';
import type { Actor, Admission, Change, Committed, Decision, Reader, Write } from '../../../api/store.ts';
import { atRevision, deepFreeze } from '../frozen.ts';
import type { MutableState } from '../state.ts';
import { leaseOffset } from './bucket.ts';
import { kindOf } from './decider.ts';
import { type Content, draft, readEntry } from './records.ts';
import type { BeforeOpening, CommitStream, Follower, Incoming, StreamPosition } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** A heartbeat that takes longer is of no use: the next one is due. */
const WRITE_WAIT_MS = 2_000;
/** Before a write that nobody took is tried again. */
const RETRY_MS = 50;

export interface EphemeralOptions {
  readonly stream: CommitStream;
  readonly subjects: Subjects;
  readonly state: MutableState;
  readonly clock: Clock;
  readonly admission: Admission;
  readonly newAttempt: () => string;
  readonly onChanges: (changes: readonly Change[]) => void;
  /** All are forgotten; who watched them has to list again. */
  readonly onForgotten: () => void;
  /** A majority of the servers took a write. */
  readonly onQuorum: () => void;
  readonly signal: AbortSignal;
}

/**
 * A leader that was paused, and has been replaced meanwhile, may answer before it learns of that. Not many: heartbeats
 * wait for it where the servers have really forgotten them.
 */
const LOOKS_BEFORE_FORGOTTEN = 4;

interface Waiter {
  readonly sequence: number;
  readonly resolve: () => void;
}

export class Ephemeral implements Follower {
  readonly #options: EphemeralOptions;
  #created: string | undefined;
  /** How often in a row the stream was said to end before what was seen of it. */
  #shortAnswers = 0;
  #offset = 0;
  #position = 0;
  #loadedAt = 0;
  /** Last sequence of each subject that has one, deletions included: what a write is compared with. */
  readonly #sequences = new Map<string, number>();
  #waiters: Waiter[] = [];
  readonly loaded: Promise<void>;
  #onLoaded = () => {};

  constructor(options: EphemeralOptions) {
    this.#options = options;
    this.loaded = new Promise((resolve) => {
      this.#onLoaded = resolve;
    });
  }

  position(): number {
    return this.#position;
  }

  /** @throws Error where the answer is one of a server that is behind, as it seems: it is asked again */
  onOpened({ created, last, description }: StreamPosition, { knew }: BeforeOpening): boolean {
    const isShort = created === this.#created && last < knew;
    this.#shortAnswers = isShort ? this.#shortAnswers + 1 : 0;
    if (isShort && this.#shortAnswers < LOOKS_BEFORE_FORGOTTEN) throw new Error(`leases end with ${last}`);
    if (created !== this.#created || isShort) this.#beginAnew(created, leaseOffset(description));
    this.#loadedAt = last;
    if (this.#position >= last) this.#onLoaded();
    return true;
  }

  onContact(): void {}

  onRecord(record: Incoming): void {
    const { subjects, state, onChanges } = this.#options;
    const { sequence, subject } = record;
    if (sequence <= this.#position) return;
    this.#position = sequence;
    this.#sequences.set(subject, sequence);
    const change = this.#changeOf(contentOf(record, subjects), this.#offset + sequence);
    if (change) state.apply([change]);
    state.ephemeralRevision = this.#offset + sequence;
    if (change) onChanges([change]);
    if (sequence >= this.#loadedAt) this.#onLoaded();
    const due = this.#waiters.filter((waiter) => waiter.sequence <= sequence);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.sequence > sequence);
    for (const { resolve } of due) resolve();
  }

  /** For a decision that writes nothing lasting; it waits for nothing lasting either. */
  async commit<T>(actor: Actor, decide: (state: Reader) => Decision<T>): Promise<Committed<T>> {
    const { state, clock, admission } = this.#options;
    const deadlineMs = clock.now() + WRITE_WAIT_MS;
    for (;;) {
      const { writes, result } = decide(state);
      const lasting = writes.find((write) => !isEphemeral(kindOf(write)));
      if (lasting) throw new Error(`a commit of ephemeral objects writes a ${kindOf(lasting)}`);
      if (writes.length > 0) admission(state, writes, actor);
      const written = await this.#tryToWrite(writes, deadlineMs);
      if (written) return { result, ...written };
      if (clock.now() >= deadlineMs) throw unavailable();
    }
  }

  /** Beside a commit that is in the log already. @throws ApiError */
  async write(writes: readonly Write[]): Promise<Omit<Committed<unknown>, 'result'>> {
    const { clock } = this.#options;
    const deadlineMs = clock.now() + WRITE_WAIT_MS;
    while (clock.now() < deadlineMs) {
      const written = await this.#tryToWrite(writes, deadlineMs);
      if (written) return written;
    }
    throw unavailable();
  }

  /** @returns undefined where somebody else wrote one of them meanwhile, which is shown by now */
  async #tryToWrite(
    writes: readonly Write[],
    deadlineMs: number,
  ): Promise<Omit<Committed<unknown>, 'result'> | undefined> {
    const { state } = this.#options;
    const objects: AnyObject[] = [];
    let revision = state.ephemeralRevision ?? state.revision;
    for (const write of writes) {
      const sequence = await this.#publish(write, deadlineMs);
      if (sequence === undefined) return undefined;
      if (sequence === 0) continue;
      revision = this.#offset + sequence;
      if (write.type === 'put') objects.push(deepFreeze(atRevision(write.object, revision)));
    }
    return { revision, objects };
  }

  /** @returns the sequence; 0 where there was nothing to delete; undefined where it was overtaken */
  async #publish(write: Write, deadlineMs: number): Promise<number | undefined> {
    const { stream, subjects, state, newAttempt, onQuorum, clock } = this.#options;
    const object = write.type === 'put' ? write.object : state.get(write.kind, write.name);
    if (!object) return 0;
    const subject = subjects.of(object);
    const content: Content =
      write.type === 'put' ? { type: 'put', object } : { type: 'delete', kind: write.kind, name: write.name };
    const id = newAttempt();
    const sequenceBefore = this.#sequences.get(subject);
    const after = sequenceBefore ?? 0;
    const data = write.type === 'put' ? JSON.stringify(object) : '';
    const { outgoing } = draft({ id, previous: '', subject, content, data, after, isChained: false });
    const knew = this.#position;
    const outcome = await stream.publish(outgoing);
    if (outcome.type === 'refused') throw outcome.error;
    // It is in a stream that was made anew, which this copy has not noticed yet.
    if (outcome.type === 'stored' && outcome.sequence <= knew) throw unavailable();
    if (outcome.type === 'unknown') {
      // A stream that elects a leader has nobody who listens for a moment. Where it was stored after all, it is shown.
      if (clock.now() + RETRY_MS >= deadlineMs) throw unavailable(outcome.cause);
      await sleep(clock, RETRY_MS);
      return undefined;
    }
    if (outcome.type === 'stored') {
      onQuorum();
      await this.#shown(outcome.sequence, deadlineMs);
      return outcome.sequence;
    }
    // What overtook it may have been shown while the answer was on its way: then nothing more needs to come.
    const isShown = this.#sequences.get(subject) !== sequenceBefore;
    if (!isShown) await this.#shown(this.#position + 1, deadlineMs);
    return undefined;
  }

  #shown(sequence: number, deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    if (this.#position >= sequence) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = clock.schedule(Math.max(0, deadlineMs - clock.now()), resolve);
      this.#waiters.push({
        sequence,
        resolve: () => {
          cancel();
          resolve();
        },
      });
    });
  }

  #changeOf(content: Content, revision: number): Change | undefined {
    const { state } = this.#options;
    if (content.type === 'put') {
      const object = atRevision(content.object, revision);
      const old = state.get(object.kind, object.metadata.name);
      return old ? { type: 'modified', object, old, revision } : { type: 'added', object, revision };
    }
    if (content.type !== 'delete') return undefined;
    const old = state.get(content.kind, content.name);
    return old && { type: 'deleted', object: atRevision(old, revision), revision };
  }

  /** The servers have forgotten all leases: so does this copy. Its revisions go on above the old ones. */
  #beginAnew(created: string, offset: number): void {
    const { state, onChanges, onForgotten } = this.#options;
    const isFirst = this.#created === undefined;
    this.#created = created;
    this.#offset = Math.max(offset, isFirst ? 0 : this.#offset + this.#position + 1);
    this.#position = 0;
    this.#sequences.clear();
    state.ephemeralRevision = this.#offset;
    const changes: Change[] = state
      .list('Lease')
      .map((lease) => ({ type: 'deleted', object: atRevision(lease, this.#offset), revision: this.#offset }));
    state.apply(changes);
    if (!isFirst) onForgotten();
    if (changes.length > 0) onChanges(changes);
  }
}

/** What cannot be read was written by a stranger: the next heartbeat takes its place. */
function contentOf(record: Incoming, subjects: Subjects): Content {
  try {
    return readEntry(record, subjects).content;
  } catch {
    return { type: 'mark' };
  }
}

const unavailable = (cause?: Error): ApiError =>
  new ApiError(
    'ServiceUnavailable',
    'NATS takes no heartbeats now: try again',
    { retryAfterSeconds: 1 },
    ...(cause ? [{ cause }] : []),
  );
