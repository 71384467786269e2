/** From the records of the log, in their order, to the state that readers see and the changes that watchers hear. */
import type { Change } from '../../../api/store.ts';
import { atRevision } from '../frozen.ts';
import type { MutableState } from '../state.ts';
import { isDecisionOf } from './flight.ts';
import type { Content, Entry } from './records.ts';
import type { Outgoing } from './stream.ts';

/** Ids kept of the records that were taken last, to recognize one's own and to notice another log. */
const IDS_KEPT = 8_192;

/** A commit whose first records are in the log, and whose last ones are not. */
export interface Unfinished {
  /** Sequence of its record that holds the others. */
  readonly sequence: number;
  readonly parts: readonly Outgoing[];
}

export interface FeedOptions {
  readonly state: MutableState;
  /** All changes of one commit; the state shows them. */
  readonly onChanges: (changes: readonly Change[]) => void;
}

/** The log is not the one that was followed until now. */
export class ForkError extends Error {
  override readonly name = 'ForkError';
}

export class Feed {
  readonly #options: FeedOptions;
  /** Sequence of the last record taken. */
  position = 0;
  /** Its id; empty before the first. */
  lastId = '';
  /** Ids of the records taken last, each at its sequence modulo their number. */
  readonly #ids: string[] = [];
  /** The last sequence whose record was superseded before it was seen. */
  #unseen = 0;
  /** Of a commit whose records are not all here yet. */
  #waiting: Entry[] = [];
  #end = 0;
  #parts: readonly Outgoing[] | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** The commit that the log ends within. It has been decided: nothing else may be committed before its rest. */
  get unfinished(): Unfinished | undefined {
    return this.#parts && this.position < this.#end
      ? { sequence: this.#end - this.#parts.length, parts: this.#parts }
      : undefined;
  }

  /** Records of the last commit are missing yet. */
  get isWithinCommit(): boolean {
    return this.position < this.#end;
  }

  /** The record of a commit, its first one, in the log after a revision, and as far back as ids are kept. */
  find(attempt: string, after: number): { readonly sequence: number; readonly id: string } | undefined {
    const oldest = Math.max(1, after + 1, this.position - IDS_KEPT + 1);
    for (let sequence = this.position; sequence >= oldest; sequence--) {
      const id = this.#ids[sequence % IDS_KEPT] ?? '';
      if (isDecisionOf(id, attempt)) return { sequence, id };
    }
    return undefined;
  }

  /** Id of the record at a sequence, where it is known. */
  idAt(sequence: number): string | undefined {
    const isKept = sequence > this.position - IDS_KEPT && sequence <= this.position;
    return isKept ? this.#ids[sequence % IDS_KEPT] : undefined;
  }

  /** True where every record after a revision was seen, and its id is kept: what is not found among them is not there. */
  hasSeenAllSince(revision: number): boolean {
    return this.#unseen <= revision && this.position - revision < IDS_KEPT;
  }

  /**
   * Takes the next record; one that was taken before changes nothing.
   * @throws ForkError where the record follows upon another one than was taken before it
   */
  take(entry: Entry): void {
    const { sequence, id, previous, content } = entry;
    if (sequence <= this.position) {
      this.check(sequence, id);
      return;
    }
    const isNext = sequence === this.position + 1 && this.lastId !== '' && content.type !== 'foreign';
    if (isNext && previous !== this.lastId) {
      throw new ForkError(`record ${sequence} follows upon ${previous}, not upon ${this.lastId}`);
    }
    if (sequence > this.#end) this.#show();
    if (sequence > this.position + 1) this.#unseen = sequence - 1;
    this.#remember(sequence, id, this.position);
    this.position = sequence;
    this.lastId = id;
    if (content.type === 'commit') {
      this.#end = sequence + content.parts.length;
      this.#parts = content.parts;
    } else if (entry.together > 1) {
      this.#end = sequence + entry.together - 1;
      this.#parts = undefined;
    }
    this.#waiting.push(entry);
    if (sequence >= this.#end) this.#show();
  }

  /** @throws ForkError where another record was taken at this sequence, as far back as that is known */
  check(sequence: number, id: string): void {
    const known = this.idAt(sequence);
    if (known && known !== id) throw new ForkError(`record ${sequence} was ${known}, and is ${id} now`);
  }

  /** Goes on where another has read the same log to. */
  takeOver(other: Feed): void {
    this.#ids.length = 0;
    this.#ids.push(...other.#ids);
    this.position = other.position;
    this.lastId = other.lastId;
    this.#unseen = other.#unseen;
    this.#waiting = other.#waiting;
    this.#end = other.#end;
    this.#parts = other.#parts;
  }

  /** One turn: nobody sees half a commit. */
  #show(): void {
    if (this.#waiting.length === 0) return;
    const { state, onChanges } = this.#options;
    const changes: Change[] = [];
    for (const { content, sequence } of this.#waiting) {
      const change = changeOf(content, sequence, state);
      if (!change) continue;
      state.apply([change]);
      changes.push(change);
    }
    this.#waiting = [];
    state.revision = this.position;
    onChanges(changes);
  }

  /** Sequences that were superseded before they were read leave no id, nor that of a record long before. */
  #remember(sequence: number, id: string, from: number): void {
    for (let gap = Math.max(from + 1, sequence - IDS_KEPT + 1); gap < sequence; gap++) {
      this.#ids[gap % IDS_KEPT] = '';
    }
    this.#ids[sequence % IDS_KEPT] = id;
  }
}

function changeOf(content: Content, revision: number, state: MutableState): Change | undefined {
  if (content.type === 'put') {
    const { object } = content;
    const old = state.get(object.kind, object.metadata.name);
    return old ? { type: 'modified', object, old, revision } : { type: 'added', object, revision };
  }
  if (content.type !== 'delete') return undefined;
  const old = state.get(content.kind, content.name);
  return old && { type: 'deleted', object: atRevision(old, revision), revision };
}
