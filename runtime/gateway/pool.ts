/** The backends of one service port: who may get the next request, and what waits while there is nobody. */
import type { Clock } from '../../api/clock.ts';
import type { Drains } from './drains.ts';
import { type HoldOutcome, HoldQueue } from './hold.ts';
import { Member } from './member.ts';
import type { Backend } from './routes.ts';

export class Pool {
  readonly #clock: Clock;
  readonly #drains: Drains;
  readonly #holdQueue: HoldQueue;
  /** Routed and leaving ones, so that one which is routed again keeps what it has in flight. */
  readonly #members = new Map<string, Member>();
  #routed: readonly Member[] = [];
  #next = 0;
  #isClosed = false;

  constructor(clock: Clock, drains: Drains, holdMs: number) {
    this.#clock = clock;
    this.#drains = drains;
    this.#holdQueue = new HoldQueue(clock, holdMs);
  }

  /** From the return of this call `pick` gives none but these backends. */
  route(backends: readonly Backend[], drainTimeoutMs: number): void {
    const before = this.#routed;
    const now = new Set(backends.map((backend) => this.#join(backend)));
    this.#routed = [...now];
    for (const member of before) if (!now.has(member)) this.#leave(member, drainTimeoutMs);
    if (this.#routed.length > 0) this.#holdQueue.releaseAll('released');
  }

  /** The service port is gone: nobody is routed, nobody waits. */
  close(drainTimeoutMs: number): void {
    this.#isClosed = true;
    this.route([], drainTimeoutMs);
    this.#holdQueue.releaseAll('closed');
  }

  /** Fewest outstanding first, ties in turn; one that refused a moment ago comes last. */
  pick(tried: ReadonlySet<Member>): Member | undefined {
    const count = this.#routed.length;
    let best: Member | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    let bestIndex = 0;
    for (let offset = 0; offset < count; offset += 1) {
      const index = (this.#next + offset) % count;
      const member = this.#routed[index];
      if (member === undefined || tried.has(member)) continue;
      const load = member.isSuspect ? Number.MAX_SAFE_INTEGER : member.outstanding;
      if (load >= bestLoad) continue;
      best = member;
      bestLoad = load;
      bestIndex = index;
    }
    this.#next = bestIndex + 1;
    return best;
  }

  get isEmpty(): boolean {
    return this.#routed.length === 0;
  }

  /** A backend that answers HTTP/1 waits for the client: a silent client is then not one that waits for the server. */
  get speaksHttp(): boolean {
    return this.#routed.some((member) => member.speaksHttp);
  }

  /** Waits until somebody is routed; see `HoldQueue.wait`. */
  hold(settle: (outcome: HoldOutcome) => void): () => void {
    if (!this.#isClosed) return this.#holdQueue.wait(settle);
    settle('closed');
    return () => {};
  }

  #join(backend: Backend): Member {
    const key = keyOf(backend);
    const known = this.#members.get(key);
    if (known !== undefined) {
      known.rejoin();
      this.#drains.delete(known);
      return known;
    }
    const member = new Member(backend, this.#clock);
    member.onIdle = () => {
      this.#members.delete(key);
      this.#drains.delete(member);
    };
    this.#members.set(key, member);
    return member;
  }

  #leave(member: Member, drainTimeoutMs: number): void {
    if (member.outstanding > 0) this.#drains.add(member, drainTimeoutMs);
    else this.#members.delete(keyOf(member.backend));
    member.leave();
  }
}

const keyOf = ({ alloc, host, port }: Backend): string => `${alloc} ${host} ${port}`;
