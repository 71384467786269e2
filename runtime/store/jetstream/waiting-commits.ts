/** Commits that have not been decided yet, in their order. None of them waits for ever. */
import type { Clock } from '../../../api/clock.ts';
import { type ApiError, unavailable } from '../../../api/errors.ts';
import type { Actor } from '../../../api/store.ts';
import { isLate } from './deadline.ts';
import type { Landed, Waiting } from './flight.ts';

/** Longest that a caller waits: over the few seconds in which a NATS cluster elects a leader. */
const COMMIT_WAIT_MS = 10_000;

const NOBODY: Actor = { user: '', groups: [] };
const decideNothing = () => ({ writes: [], result: undefined });

export class WaitingCommits {
  readonly #clock: Clock;
  readonly #onAdded: () => void;
  #waiting: Waiting[] = [];
  #barrier: { readonly waiting: Waiting | undefined; readonly landed: Promise<Landed> } | undefined;
  #whyClosed: ApiError | undefined;

  constructor(clock: Clock, onAdded: () => void) {
    this.#clock = clock;
    this.#onAdded = onAdded;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get all(): readonly Waiting[] {
    return this.#waiting;
  }

  /** Resolves when it has landed. */
  add(actor: Actor, decide: Waiting['decide'], attempt: string, isProved: boolean): Promise<Landed> {
    if (this.#whyClosed) return Promise.reject(this.#whyClosed);
    const deadlineMs = this.#clock.now() + COMMIT_WAIT_MS;
    return new Promise((settle, fail) => {
      this.#waiting.push({ actor, decide, attempt, isProved, timesDecided: 0, deadlineMs, settle, fail });
      this.#onAdded();
    });
  }

  /** A record that says nothing. */
  addMark(attempt: string): Promise<Landed> {
    return this.add(NOBODY, decideNothing, attempt, true);
  }

  /** A mark that all share who ask before it is decided. */
  addBarrier(newAttempt: () => string): Promise<Landed> {
    const shared = this.#barrier;
    if (shared?.waiting && this.#waiting.includes(shared.waiting)) return shared.landed;
    const landed = this.addMark(newAttempt());
    this.#barrier = { waiting: this.#waiting.at(-1), landed };
    return landed;
  }

  shift(): Waiting | undefined {
    return this.#waiting.shift();
  }

  /** Somebody else was faster. Those whose callers have been told that nobody knows are not decided again: they may have tried again. */
  putBack(overtaken: readonly Waiting[]): void {
    const nowMs = this.#clock.now();
    for (const waiting of overtaken.filter((each) => isLate(each, nowMs))) waiting.fail(notNow());
    this.#waiting.unshift(...overtaken.filter((each) => !isLate(each, nowMs)));
  }

  /** Nothing came of those that are late. */
  expire(nowMs: number): void {
    const late = this.#waiting.filter((each) => isLate(each, nowMs));
    this.#waiting = this.#waiting.filter((each) => !isLate(each, nowMs));
    for (const waiting of late) waiting.fail(notNow());
  }

  /** Takes no more. */
  close(why: ApiError): void {
    this.#whyClosed ??= why;
  }

  /** Takes no more, and answers all that wait. */
  abandon(why: ApiError): void {
    this.#whyClosed = why;
    for (const waiting of this.#waiting.splice(0)) waiting.fail(why);
  }
}

const notNow = () => unavailable('NATS takes no writes now: nothing was changed, try again');
