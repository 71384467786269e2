/** Applies journals to a state, record by record, and tells a torn end from damage. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { type AnyObject, isEphemeral, KIND_NAMES } from '../../api/kinds/index.ts';
import { findFrame, readFrame } from './frame.ts';
import type { History } from './history.ts';
import type { JournalRecord } from './journal.ts';
import { journalPath } from './layout.ts';
import { JOURNAL_FORMAT, JOURNAL_VERSION, type SegmentHeader } from './segment.ts';
import { replayed } from './staging.ts';
import type { MutableState } from './state.ts';

/** Where the journals' records end, and whether something torn stands there. */
export interface ReplayEnd {
  readonly number: number;
  readonly endOffset: number;
  readonly cut: boolean;
}

/** What the journals' records are applied to. */
export interface ReplayBase {
  readonly state: MutableState;
  /** See `JournalRecord`. */
  readonly recorded: number;
  readonly reserved: number;
}

export class Replay {
  readonly #dir: string;
  readonly #state: MutableState;
  readonly #history: History;
  readonly #warnings: string[];
  #recorded: number;
  #reserved: number;
  #bytes = 0;
  #records = 0;
  #end: ReplayEnd | undefined;

  /** @param options.warnings gets a sentence for everything odd that is no damage */
  constructor(options: {
    readonly dir: string;
    readonly base: ReplayBase;
    readonly history: History;
    readonly warnings: string[];
  }) {
    this.#dir = options.dir;
    this.#state = options.base.state;
    this.#history = options.history;
    this.#warnings = options.warnings;
    this.#recorded = options.base.recorded;
    this.#reserved = options.base.reserved;
  }

  get end(): ReplayEnd | undefined {
    return this.#end;
  }

  get recorded(): number {
    return this.#recorded;
  }

  get reserved(): number {
    return this.#reserved;
  }

  /** How many records were read, and their size. */
  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Reads the next journal. @throws Error where it is damaged, or does not follow what is before it */
  read(number: number): void {
    const path = journalPath(this.#dir, number);
    const file = openSync(path, 'r');
    try {
      const fileBytes = fstatSync(file).size;
      let offset = 0;
      for (
        let read = readFrame(file, 0, fileBytes);
        read.type !== 'end';
        read = readFrame(file, offset, fileBytes)
      ) {
        if (read.type === 'bad') {
          this.#tear({ path, file, number, offset, fileBytes, reason: read.reason });
          return;
        }
        if (offset === 0) checkHeader(read.payload, number, path);
        else this.#apply(number, JSON.parse(read.payload) as JournalRecord, path, offset);
        if (offset > 0) this.#bytes += read.endOffset - offset;
        offset = read.endOffset;
        if (this.#end?.number === number || !this.#end) this.#end = { number, endOffset: offset, cut: false };
      }
      this.#end ??= { number, endOffset: offset, cut: false };
    } finally {
      closeSync(file);
    }
  }

  #apply(number: number, record: JournalRecord, path: string, offset: number): void {
    const end = this.#end;
    if (end?.cut) throw refusal(this.#dir, damagedAt(this.#dir, end));
    if (record.previous !== this.#recorded) {
      const gap = `revision ${record.previous} expected before it, ${this.#recorded} found`;
      throw refusal(this.#dir, `${path} does not follow what is before it at byte ${offset} (${gap})`);
    }
    for (const write of record.commits.flat()) {
      if ('put' in write) knownKind(write.put, path);
      const change = replayed(this.#state, write);
      if (!change) continue;
      this.#state.apply([change]);
      this.#history.record(change);
    }
    this.#recorded = record.revision;
    this.#reserved = record.reserved;
    this.#records += 1;
    this.#end = { number, endOffset: offset, cut: false };
  }

  /** An append that the process did not live to see done is at the very end, and was never acknowledged. */
  #tear(at: {
    path: string;
    file: number;
    number: number;
    offset: number;
    fileBytes: number;
    reason: string;
  }): void {
    const { path, file, number, offset, fileBytes, reason } = at;
    const end = this.#end;
    if (end?.cut && offset > 0) throw refusal(this.#dir, damagedAt(this.#dir, end));
    const next = findFrame(file, offset + 1, fileBytes);
    if (next !== undefined) {
      throw refusal(
        this.#dir,
        `${path} is damaged at byte ${offset} (${reason}), valid records follow at byte ${next}`,
      );
    }
    this.#warnings.push(
      `${path} ends in a record that was never finished, at byte ${offset} (${reason}): it is cut off`,
    );
    if (!end || end.number === number) this.#end = { number, endOffset: offset, cut: true };
  }
}

/** The end of a journal that another one follows: it was acknowledged, so it cannot be a torn append. */
const damagedAt = (dir: string, end: ReplayEnd): string =>
  `${journalPath(dir, end.number)} is damaged at byte ${end.endOffset}, and a later journal goes on after it`;

function checkHeader(payload: string, number: number, path: string): void {
  const header = JSON.parse(payload) as SegmentHeader;
  if (header.format !== JOURNAL_FORMAT || header.version !== JOURNAL_VERSION) {
    throw new Error(`${path} is of a format that this version of mill does not read`);
  }
  if (header.number !== number) throw new Error(`${path} was renamed: it is journal ${header.number}`);
}

export function knownKind(object: AnyObject, path: string): void {
  if (!KIND_NAMES.includes(object.kind) || isEphemeral(object.kind)) {
    throw new Error(`${path} holds a ${object.kind}, which this version of mill does not keep`);
  }
}

export function refusal(dir: string, why: string): Error {
  return new Error(
    `${why}: nothing was changed; restore ${dir} from a backup, or move it away to start empty`,
  );
}
