import { expect } from 'chai';
import fc from 'fast-check';
import { ApiError } from '../../../../api/errors.ts';
import { type Draft, draft } from '../../../../runtime/store/jetstream/records.ts';
import { Sender } from '../../../../runtime/store/jetstream/sender.ts';
import type { Outgoing, PublishOutcome, SendingMode } from '../../../../runtime/store/jetstream/stream.ts';

const BASE = 1_000;

/** What happens to a record on its way, and to its answer. */
type Fate = 'answered' | 'lost' | 'answer lost' | 'no position';

/** A stream that compares and sets, on a network that loses what `fates` says. */
class LossyStream {
  readonly ids: string[] = [];
  readonly #fates: Fate[];

  constructor(fates: readonly Fate[]) {
    this.#fates = [...fates];
  }

  publish = (record: Outgoing): Promise<PublishOutcome> => this.#take([record]);
  publishTogether = (records: readonly Outgoing[]): Promise<PublishOutcome> => this.#take(records);

  position = async () => {
    if (this.#fates[0] === 'no position' && this.#fates.shift()) throw new Error('no answer');
    return { first: 0, last: BASE + this.ids.length, created: '', description: '' };
  };

  idAt = async (sequence: number) => this.ids[sequence - BASE - 1];

  async #take(records: readonly Outgoing[]): Promise<PublishOutcome> {
    const fate = this.#fates.shift() ?? 'answered';
    const unknown = { type: 'unknown', cause: new Error('no answer') } as const;
    if (fate === 'lost') return unknown;
    if (records[0]?.after !== BASE + this.ids.length) return { type: 'overtaken' };
    for (const { headers } of records) this.ids.push(headers['Mill-Attempt'] ?? '');
    return fate === 'answered' ? { type: 'stored', sequence: BASE + this.ids.length } : unknown;
  }
}

const rowOf = (count: number): Draft[] =>
  Array.from({ length: count }, (_, index) =>
    draft({
      id: `r-${index}`,
      previous: index === 0 ? '' : `r-${index - 1}`,
      after: BASE + index,
      isChained: false,
      subject: 's',
      content: { type: 'mark' },
    }),
  );

/** Waits are over at once. */
const clock = () => {
  let nowMs = 0;
  return {
    now: () => nowMs,
    schedule: (delayMs: number, callback: () => void) => {
      nowMs += delayMs;
      queueMicrotask(callback);
      return () => {};
    },
  };
};

async function send(stream: LossyStream, mode: SendingMode, row: readonly Draft[]): Promise<void> {
  const sender = new Sender({ stream, mode, idAt: stream.idAt, clock: clock() });
  for (const record of row) await sender.add(record);
  await sender.flush();
}

describe('a row of records that is sent into an empty stream', () => {
  for (const mode of ['pipelined', 'batches', 'serial'] as const) {
    it(`is there whole, in order and once, whatever is lost on the way (${mode})`, async () => {
      const fate = fc.constantFrom<Fate>('answered', 'lost', 'answer lost', 'no position');
      await fc.assert(
        fc.asyncProperty(fc.array(fate, { maxLength: 40 }), fc.nat(600), async (fates, count) => {
          const stream = new LossyStream(fates);
          const row = rowOf(count);
          await send(stream, mode, row);
          expect(stream.ids).to.deep.equal(row.map(({ id }) => id));
        }),
        { numRuns: 100 },
      );
    });

    it(`is given up where somebody else writes (${mode})`, async () => {
      const stream = new LossyStream([]);
      stream.ids.push('foreign');
      const failure = await send(stream, mode, rowOf(3)).catch((error: Error) => error.message);
      expect(failure).to.equal('somebody else writes to the stream while it is restored');
    });
  }

  it('is given up where nothing is stored for a minute, or a record is refused', async () => {
    const deaf = new LossyStream([]);
    deaf.publish = async () => ({ type: 'unknown', cause: new Error('no answer') });
    expect(await send(deaf, 'serial', rowOf(1)).catch((error: Error) => error.message)).to.equal(
      'NATS stored nothing for 60 s',
    );
    const full = new LossyStream([]);
    const error = new ApiError('ServiceUnavailable', 'there is no room');
    full.publish = async () => ({ type: 'refused', error });
    expect(await send(full, 'serial', rowOf(1)).catch((failure: Error) => failure)).to.equal(error);
  });
});
