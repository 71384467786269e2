/** A stream as its servers agree on it: what is committed, and what its leader has proposed and may still lose. */
import { ATTEMPT, PREVIOUS } from '../../../runtime/store/jetstream/records.ts';
import { ANYWHERE, type Outgoing } from '../../../runtime/store/jetstream/stream.ts';

/** For so long an id that was named is recognized (`duplicate_window` of the real stream). */
const DUPLICATES_MS = 1_000;

export interface Stored {
  readonly sequence: number;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: string;
  readonly timeMs: number;
}

/** Records that are stored together or not at all. */
interface Proposal {
  readonly records: readonly Outgoing[];
  /** From then on a majority has it. */
  readonly dueMs: number;
  readonly onCommitted: (sequence: number) => void;
}

export interface StreamLogOptions {
  /** What `after` is compared with: the last sequence of the whole stream, or of the record's subject. */
  readonly compares: 'stream' | 'subject';
  /** Of each subject; older ones are gone. */
  readonly versionsKept: number;
  /** The record before is compared as well, and ids are recognized: those of records that did not come together. */
  readonly checksIds: boolean;
}

export class StreamLog {
  /** Of the last committed record. */
  last = 0;
  first = 1;
  readonly #options: StreamLogOptions;
  readonly #kept = new Map<number, Stored>();
  readonly #sequences = new Map<string, number[]>();
  readonly #ids = new Map<string, { readonly sequence: number; readonly timeMs: number }>();
  #lastId = '';
  #proposals: Proposal[] = [];

  constructor(options: StreamLogOptions) {
    this.#options = options;
  }

  /** The sequence at which an id was stored a moment ago. */
  duplicateOf({ headers }: Outgoing, nowMs: number): number | undefined {
    const known = this.#options.checksIds ? this.#ids.get(headers[ATTEMPT] ?? '') : undefined;
    return known && nowMs - known.timeMs < DUPLICATES_MS ? known.sequence : undefined;
  }

  /** True where records follow upon what their sender says that they follow. */
  fits(records: readonly Outgoing[]): boolean {
    const [record] = records;
    if (!record || record.after === ANYWHERE) return true;
    if (record.after !== this.#lastFor(record.subject)) return false;
    return !this.#options.checksIds || !record.isChained || record.headers[PREVIOUS] === this.#proposedId();
  }

  propose(proposal: Proposal): void {
    this.#proposals.push(proposal);
  }

  /** Commits, in order, what is due. @returns the new records */
  commitDue(nowMs: number): readonly Stored[] {
    const stored: Stored[] = [];
    for (let next = this.#proposals[0]; next && next.dueMs <= nowMs; next = this.#proposals[0]) {
      this.#proposals.shift();
      const isNamed = next.records.length === 1;
      for (const record of next.records) stored.push(this.#store(record, nowMs, isNamed));
      next.onCommitted(this.last);
    }
    return stored;
  }

  /** The leader is lost: so are its last proposals, all but so many. Of the others nobody is told. */
  loseProposals(keep: (count: number) => number): void {
    const kept = this.#proposals.slice(0, keep(this.#proposals.length));
    this.#proposals = kept.map((proposal) => ({ ...proposal, dueMs: 0, onCommitted: () => {} }));
  }

  /** The first record from a sequence on that is still there. */
  next(from: number): Stored | undefined {
    for (let sequence = Math.max(from, this.first); sequence <= this.last; sequence++) {
      const record = this.#kept.get(sequence);
      if (record) return record;
    }
    return undefined;
  }

  #lastFor(subject: string): number {
    if (this.#options.compares === 'stream') {
      return this.#proposals.reduce((last, { records }) => last + records.length, this.last);
    }
    let sequence = this.last;
    let last = this.#sequences.get(subject)?.at(-1) ?? 0;
    for (const { records } of this.#proposals) {
      for (const record of records) {
        sequence += 1;
        if (record.subject === subject) last = sequence;
      }
    }
    return last;
  }

  #proposedId(): string {
    const last = this.#proposals.at(-1)?.records;
    if (!last) return this.#lastId;
    return last.length === 1 ? (last[0]?.headers[ATTEMPT] ?? '') : '';
  }

  #store({ subject, headers, data }: Outgoing, timeMs: number, isNamed: boolean): Stored {
    this.last += 1;
    const stored = { sequence: this.last, subject, headers, data, timeMs };
    this.#kept.set(this.last, stored);
    this.#lastId = isNamed ? (headers[ATTEMPT] ?? '') : '';
    if (this.#options.checksIds && isNamed) this.#ids.set(this.#lastId, { sequence: this.last, timeMs });
    const sequences = this.#sequences.get(subject) ?? [];
    this.#sequences.set(subject, sequences);
    sequences.push(this.last);
    if (sequences.length > this.#options.versionsKept) this.#kept.delete(sequences.shift() ?? 0);
    while (this.first < this.last && !this.#kept.has(this.first)) this.first += 1;
    return stored;
  }
}
