/** One client request or connection in search of a backend, and its place on the one it found. */
import type { HoldOutcome } from './hold.ts';
import type { Flight, Member } from './member.ts';
import type { Pool } from './pool.ts';

/** Backends that one request is sent to before it fails. Each may cost a connect timeout. */
const MAX_ATTEMPTS = 4;

export type Refusal = 'unreachable' | Exclude<HoldOutcome, 'released'>;

/** Who is being assigned: an HTTP request, an upgrade, a TCP connection. */
export interface Assignee {
  assigned(member: Member): void;
  refused(refusal: Refusal): void;
  cut(reason: Error): void;
  /** The backend was unrouted after `assigned`. */
  memberLeft?(): void;
}

const NONE: ReadonlySet<Member> = new Set();

export class Assignment implements Flight {
  readonly #pool: Pool;
  readonly #assignee: Assignee;
  #tried: Set<Member> | undefined;
  #attempts = 0;
  #member: Member | undefined;
  #cancelHold: (() => void) | undefined;

  constructor(pool: Pool, assignee: Assignee) {
    this.#pool = pool;
    this.#assignee = assignee;
  }

  get mayTryAgain(): boolean {
    return this.#attempts < MAX_ATTEMPTS;
  }

  /** Ends in `assigned` or `refused`, at once when there is a backend. */
  seek(): void {
    const member = this.#pool.pick(this.#tried ?? NONE);
    if (member !== undefined) {
      this.#take(member);
      return;
    }
    // Those that are routed were tried, and none can be reached: waiting would hide that.
    if (!this.#pool.isEmpty) {
      this.#assignee.refused('unreachable');
      return;
    }
    this.#cancelHold = this.#pool.hold((outcome) => {
      this.#cancelHold = undefined;
      if (outcome === 'released') this.seek();
      else this.#assignee.refused(outcome);
    });
  }

  /** The member could not be reached: it is not asked again, and another one is sought. */
  seekElsewhere(): void {
    if (this.#member !== undefined) {
      this.#member.suspect();
      this.#tried ??= new Set();
      this.#tried.add(this.#member);
    }
    this.release();
    if (this.mayTryAgain) this.seek();
    else this.#assignee.refused('unreachable');
  }

  /** Off the member, or out of the queue. May be called at any time, any number of times. */
  release(): void {
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    const member = this.#member;
    this.#member = undefined;
    member?.exit(this);
  }

  cut(reason: Error): void {
    this.#assignee.cut(reason);
  }

  memberLeft(): void {
    this.#assignee.memberLeft?.();
  }

  #take(member: Member): void {
    this.#attempts += 1;
    this.#member = member;
    member.enter(this);
    this.#assignee.assigned(member);
  }
}
