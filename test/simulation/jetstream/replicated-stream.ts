/** One stream on a group of NATS servers: a leader that takes records, a majority that has to have them, and elections. */
import type { Outgoing, StreamPosition } from '../../../runtime/store/jetstream/stream.ts';
import { between, integer, type Random } from '../randomness.ts';
import type { Timeline } from '../timeline.ts';
import type { Stored, StreamLog } from './stream-log.ts';

/** Measured: after its leader was killed a stream of three takes writes again after 4–8 s; one alone, once it is back, in 0.3–1 s. */
const ELECTION_MS = { first: 4_000, last: 8_000 };
const RESTART_MS = { first: 300, last: 1_000 };
/** Until a majority has a record; on one server, until it is written. */
const REPLICATION_MS = { first: 0.3, last: 2 };
const WRITE_MS = { first: 0.05, last: 0.4 };
/** Share of what an old leader had not looked at that reaches the new one after all. */
const FORWARDED = 0.3;

/** What the servers say of records that were sent. */
export type Answer =
  | { readonly type: 'stored'; readonly sequence: number }
  | { readonly type: 'overtaken' }
  /** Nobody takes it now. */
  | { readonly type: 'leaderless' };

export interface NatsServer {
  readonly name: string;
  isUp: boolean;
  /** SIGSTOP: what it is sent waits. */
  isPaused: boolean;
  /** How often it was killed: what it had in its memory went each time. */
  deaths: number;
}

export interface ReplicatedStreamOptions {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly servers: readonly NatsServer[];
  readonly log: StreamLog;
  readonly created: string;
  readonly description: string;
  /** Older servers ask whether they know a record's id before they compare its place. */
  readonly looksForDuplicatesFirst: boolean;
  /** New records are there for good. */
  readonly onCommitted: (records: readonly Stored[]) => void;
}

export class ReplicatedStream {
  readonly log: StreamLog;
  readonly #options: ReplicatedStreamOptions;
  #leader: NatsServer | undefined;
  /** What waits for a leader that is paused. */
  #inbox: (() => void)[] = [];
  #elections = 0;
  readonly #listeners = new Set<() => void>();

  constructor(options: ReplicatedStreamOptions) {
    this.#options = options;
    this.log = options.log;
    this.#leader = options.servers[0];
  }

  get leader(): NatsServer | undefined {
    return this.#leader;
  }

  /** Records have arrived: all of them are stored in a row, or none. */
  take(records: readonly Outgoing[], answer: (answer: Answer) => void): void {
    const leader = this.#leader;
    if (!leader) answer({ type: 'leaderless' });
    else if (leader.isPaused) this.#inbox.push(() => this.take(records, answer));
    else this.#propose(records, answer);
  }

  /** @param answer called with undefined where there is nobody to answer */
  position(answer: (position: StreamPosition | undefined) => void): void {
    const { created, description } = this.#options;
    if (!this.#leader) answer(undefined);
    else if (this.#leader.isPaused) this.#inbox.push(() => this.position(answer));
    else answer({ first: this.log.first, last: this.log.last, created, description });
  }

  /** Calls back when there are new records; the returned function ends that. */
  onNews(callback: () => void): () => void {
    this.#listeners.add(callback);
    return () => this.#listeners.delete(callback);
  }

  /** A server went away, came back, was stopped or goes on. */
  serversChanged(): void {
    const leader = this.#leader;
    if (leader && !leader.isUp) this.#lose();
    else if (leader?.isPaused) this.#replaceLater(leader);
    else if (leader) this.#goOn();
    else this.#electLater(this.#options.servers.length === 1 ? RESTART_MS : ELECTION_MS);
  }

  #propose(records: readonly Outgoing[], answer: (answer: Answer) => void): void {
    const { timeline, looksForDuplicatesFirst } = this.#options;
    const [first] = records;
    const known = first && looksForDuplicatesFirst ? this.log.duplicateOf(first, timeline.nowMs) : undefined;
    if (known !== undefined) answer({ type: 'stored', sequence: known });
    else if (!this.log.fits(records)) answer({ type: 'overtaken' });
    else this.#replicate(records, answer);
  }

  #replicate(records: readonly Outgoing[], answer: (answer: Answer) => void): void {
    const { timeline, random, servers } = this.#options;
    const { first: least, last: most } = servers.length === 1 ? WRITE_MS : REPLICATION_MS;
    const delayMs = between(random, least, most);
    const onCommitted = (sequence: number) => answer({ type: 'stored', sequence });
    this.log.propose({ records, dueMs: timeline.nowMs + delayMs, onCommitted });
    timeline.after(delayMs, () => this.#advance());
  }

  #advance(): void {
    const { timeline, onCommitted } = this.#options;
    if (!this.#leader || this.#leader.isPaused || !this.#hasMajority()) return;
    const records = this.log.commitDue(timeline.nowMs);
    if (records.length === 0) return;
    onCommitted(records);
    for (const callback of [...this.#listeners]) callback();
  }

  #goOn(): void {
    for (const arrival of this.#inbox.splice(0)) arrival();
    this.#advance();
  }

  #lose(): void {
    const { random, servers } = this.#options;
    this.#leader = undefined;
    this.#inbox = [];
    this.log.loseProposals((count) => integer(random, 0, count));
    if (servers.length > 1) this.#electLater(ELECTION_MS);
  }

  /** Where it is stopped for long, the others go on without it. */
  #replaceLater(leader: NatsServer): void {
    const { timeline, random } = this.#options;
    const election = ++this.#elections;
    timeline.after(between(random, ELECTION_MS.first, ELECTION_MS.last), () => {
      const isOver = election !== this.#elections || this.#leader !== leader || !leader.isPaused;
      if (isOver || !this.#hasMajority()) return;
      const waiting = this.#inbox;
      this.#lose();
      this.#elect();
      for (const arrival of waiting) {
        if (random() < FORWARDED) timeline.after(between(random, 0, ELECTION_MS.first), arrival);
      }
    });
  }

  #electLater({ first, last }: { readonly first: number; readonly last: number }): void {
    const { timeline, random } = this.#options;
    const election = ++this.#elections;
    timeline.after(between(random, first, last), () => {
      if (election === this.#elections && !this.#leader && this.#hasMajority()) this.#elect();
    });
  }

  #elect(): void {
    const { servers, random } = this.#options;
    const healthy = servers.filter(isHealthy);
    this.#elections += 1;
    this.#leader = healthy[integer(random, 0, healthy.length - 1)];
    this.#advance();
  }

  #hasMajority(): boolean {
    const { servers } = this.#options;
    return servers.filter(isHealthy).length > servers.length / 2;
  }
}

export const isHealthy = ({ isUp, isPaused }: NatsServer): boolean => isUp && !isPaused;
