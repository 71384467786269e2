/** A stream as one mill server has it: `CommitStream`, with the answers that JetStream was measured to give, and not to give. */
import type {
  CommitStream,
  Follower,
  Outgoing,
  PublishOutcome,
  StreamPosition,
  StreamTraits,
} from '../../../runtime/store/jetstream/stream.ts';
import type { NatsConnection } from './connection.ts';
import type { Answer, ReplicatedStream } from './replicated-stream.ts';
import { SimulatedTail } from './tail.ts';

/** As `nats-stream.ts` has it. */
const PUBLISH_TIMEOUT_MS = 2_000;
const REQUEST_TIMEOUT_MS = 2_000;
/** Far more than the simulated objects are. */
const MAX_RECORD_BYTES = 1_048_576;
/** Share of what nobody takes of which the sender is told at once; of the rest it hears nothing. */
const TOLD = 0.5;

export interface SimulatedStreamOptions {
  readonly connection: NatsConnection;
  /** Undefined: there is no such stream now. */
  readonly stream: () => ReplicatedStream | undefined;
  readonly mode: () => StreamTraits['mode'];
  /** Makes the stream where it is missing. */
  readonly create?: () => void;
  /** Told of each record that is sent. */
  readonly onSent?: (record: Outgoing) => void;
}

export type Position = StreamPosition | 'missing' | undefined;

export class SimulatedStream implements CommitStream {
  readonly #options: SimulatedStreamOptions;

  constructor(options: SimulatedStreamOptions) {
    this.#options = options;
  }

  get traits(): StreamTraits {
    return { mode: this.#options.mode(), maxRecordBytes: MAX_RECORD_BYTES };
  }

  publish(record: Outgoing): Promise<PublishOutcome> {
    return this.publishTogether([record]);
  }

  async publishTogether(records: readonly Outgoing[]): Promise<PublishOutcome> {
    const { connection, stream, onSent } = this.#options;
    const { random } = connection.process;
    for (const record of records) onSent?.(record);
    const outcome = await connection.request<Answer>((answer) => {
      const told = (outcome: Answer) => {
        if (outcome.type !== 'leaderless' || random() < TOLD) answer(outcome);
      };
      const there = stream();
      if (there) there.take(records, told);
      else told({ type: 'leaderless' });
    }, PUBLISH_TIMEOUT_MS);
    if (!outcome || outcome.type === 'leaderless') {
      return { type: 'unknown', cause: new Error(outcome ? 'no responders' : 'no answer in time') };
    }
    return outcome;
  }

  async position(): Promise<StreamPosition> {
    const position = await this.#position();
    if (!position || position === 'missing') throw new Error('there is no answer');
    return position;
  }

  follow(follower: Follower, signal: AbortSignal): void {
    const { connection, stream, create } = this.#options;
    new SimulatedTail({
      connection,
      stream,
      follower,
      signal,
      position: () => this.#position(),
      ...(create ? { create } : {}),
    }).start();
  }

  #position(): Promise<Position> {
    const { connection, stream } = this.#options;
    return connection.request<Position>((answer) => {
      const there = stream();
      if (there) there.position(answer);
      else if (connection.nats.healthy.length * 2 > connection.nats.servers.length) answer('missing');
    }, REQUEST_TIMEOUT_MS);
  }
}
