/** Decides a commit on the head, and drafts the records that it is to be in the log. */
import { isEphemeral } from '../../../api/kinds/index.ts';
import type { Admission, Write } from '../../../api/store.ts';
import type { Head } from '../head.ts';
import { stage } from '../staging.ts';
import type { EphemeralWriter } from './ephemeral-writer.ts';
import {
  type Decided,
  decisionId,
  draftOneByOne,
  draftTogether,
  type Landed,
  MAX_WRITES_TOGETHER,
  partsOf,
  type Waiting,
} from './flight.ts';
import { BARRIER, type Draft, draft } from './records.ts';
import type { CommitStream } from './stream.ts';
import type { Subjects } from './subjects.ts';

export interface DeciderOptions {
  readonly head: Head;
  readonly admission: Admission;
  readonly stream: Pick<CommitStream, 'traits'>;
  readonly subjects: Subjects;
  readonly ephemeral: EphemeralWriter;
}

/** Where the next record will be. */
interface NextPlace {
  readonly after: number;
  readonly previous: string;
  readonly isChained: boolean;
}

interface Made {
  readonly decided: Decided;
  readonly drafts: readonly Draft[];
}

const MARK = { type: 'mark' } as const;

export class Decider {
  readonly #options: DeciderOptions;
  /** A commit that is begun now would be decided before the one whose decision begins it. */
  isDeciding = false;

  constructor(options: DeciderOptions) {
    this.#options = options;
  }

  /** Moves the head on. A refusal is an answer too, and waits for what it was judged by. */
  decide(waiting: Waiting, place: NextPlace): Made {
    const { head, admission } = this.#options;
    this.isDeciding = true;
    try {
      const { writes, result } = waiting.decide(head);
      if (writes.length > 0) admission(head, writes, waiting.actor);
      const lasting = writes.filter((write) => !isEphemeral(kindOf(write)));
      const { staged, drafts } = this.#draft(waiting, lasting, place);
      const revision = place.after + drafts.length;
      head.decide(staged.changes, revision);
      const landed = { result, revision, objects: staged.objects };
      const answer =
        lasting.length === writes.length
          ? () => waiting.settle(landed)
          : () => this.#writeEphemeral(waiting, writes, landed);
      return { decided: { waiting, changes: staged.changes.length, end: revision, answer }, drafts };
    } catch (error) {
      const drafts = waiting.isProved ? [this.#mark(waiting, place)] : [];
      const end = place.after + drafts.length;
      head.decide([], end);
      return { decided: { waiting, changes: 0, end, answer: () => waiting.fail(error) }, drafts };
    } finally {
      this.isDeciding = false;
    }
  }

  #draft(waiting: Waiting, writes: readonly Write[], next: NextPlace) {
    const { head, stream, subjects } = this.#options;
    const { mode, maxRecordBytes } = stream.traits;
    const { after, previous, isChained } = next;
    const place = { subjects, after, previous, isChained, maxRecordBytes };
    const first = after + 1;
    const staged = stage(head, writes, first);
    if (waiting.isProved && staged.changes.length === 0)
      return { staged, drafts: [this.#mark(waiting, next)] };
    const id = nextId(waiting);
    const most = mode === 'batches' ? MAX_WRITES_TOGETHER : 1;
    if (staged.changes.length <= most) {
      return { staged, drafts: draftTogether(id, partsOf(staged, subjects), place) };
    }
    // The record that holds them all takes the first place.
    const moved = stage(head, writes, first + 1);
    return { staged: moved, drafts: draftOneByOne(id, partsOf(moved, subjects), place) };
  }

  #mark(waiting: Waiting, { after, previous, isChained }: NextPlace): Draft {
    const subject = this.#options.subjects.internal(BARRIER);
    return draft({ id: nextId(waiting), previous, after, isChained, subject, content: MARK });
  }

  /** After the lasting part, which decides: what is ephemeral may be lost at any time. */
  #writeEphemeral(waiting: Waiting, writes: readonly Write[], landed: Landed): void {
    const isMixed = writes.some((write) => !isEphemeral(kindOf(write)));
    const fleeting = writes.filter((write) => isEphemeral(kindOf(write)));
    this.#options.ephemeral.write(fleeting).then(
      ({ revision, objects }) => {
        const lasting = [...landed.objects];
        const rest = [...objects];
        const ordered = writes
          .filter((write) => write.type === 'put')
          .map((write) => (isEphemeral(kindOf(write)) ? rest.shift() : lasting.shift()))
          .filter((object) => object !== undefined);
        waiting.settle({ ...landed, objects: ordered, revision: isMixed ? landed.revision : revision });
      },
      (error: unknown) => (isMixed ? waiting.settle(landed) : waiting.fail(error)),
    );
  }
}

function nextId(waiting: Waiting): string {
  const id = decisionId(waiting);
  waiting.timesDecided += 1;
  return id;
}

export const kindOf = (write: Write) => (write.type === 'put' ? write.object.kind : write.kind);
