/** A stream over NATS: see `stream.ts` for what is promised. */
import { type Msg, type NatsConnection, nuid } from 'nats';
import type { Clock } from '../../../api/clock.ts';
import { ApiError } from '../../../api/errors.ts';
import type { Log } from '../../../api/log.ts';

import { JetStreamApi, JetStreamError, STREAM_NOT_FOUND } from './api.ts';

import { EncodedHeaders } from './encoded-headers.ts';
import { Tail } from './nats-tail.ts';
import { Pace } from './pace.ts';
import { ATTEMPT, PREVIOUS } from './records.ts';
import { Replies } from './replies.ts';
import {
  ANYWHERE,
  type CommitStream,
  type Follower,
  type Outgoing,
  type PublishOutcome,
  type StreamPosition,
  type StreamTraits,
} from './stream.ts';

/** After so long without an answer the log is asked what became of a record. */
const PUBLISH_TIMEOUT_MS = 2_000;
/** Wrong last sequence, wrong last message id, wrong last sequence of a batch (nats-server, server/errors.json). */
const OVERTAKEN: ReadonlySet<number> = new Set([10_071, 10_070, 10_164]);
/** Message too large, no room left for the stream. */
const REFUSED: ReadonlySet<number> = new Set([10_054, 10_047]);
/** It could not be stored: final where nobody else may have stored it. */
const NOT_STORED = 10_077;

export interface NatsStreamOptions {
  readonly connection: NatsConnection;
  readonly clock: Clock;
  readonly log: Log;
  readonly stream: string;
  /** What `after` is compared with: the last sequence of the whole stream, or of the record's subject. */
  readonly compares: 'stream' | 'subject';
  readonly traits: StreamTraits;
  /** A record may name the id of the one before it, which the stream checks: with several replicas that was measured to make them diverge. */
  readonly checksIds?: boolean;
  /** Of a `pipelined` stream: it takes batches as well. */
  readonly hasBatches?: boolean;
  /**
   * What is sent without a connection would be kept, with all that is sent again, until there is one. Absent: it is, for
   * who writes once.
   */
  readonly isConnected?: () => boolean;
  /** Makes the stream where it is missing; absent: a stream that is missing stays so. */
  readonly create?: () => Promise<void>;
}

interface Answer {
  readonly error?: { readonly description: string; readonly err_code: number };
  readonly seq?: number;
  readonly duplicate?: boolean;
}

export class NatsStream implements CommitStream {
  readonly #options: NatsStreamOptions;
  readonly #api: JetStreamApi;
  readonly #replies: Replies;
  readonly #pace: Pace;

  constructor(options: NatsStreamOptions) {
    this.#options = options;
    this.#api = new JetStreamApi(options.connection);
    this.#replies = new Replies(options.connection, options.clock, PUBLISH_TIMEOUT_MS);
    this.#pace = new Pace(options.clock);
  }

  get traits(): StreamTraits {
    const { traits, hasBatches = false } = this.#options;
    return hasBatches && traits.mode === 'pipelined' && this.#pace.isTogether
      ? { ...traits, mode: 'batches' }
      : traits;
  }

  async publish(record: Outgoing): Promise<PublishOutcome> {
    this.#pace.sent(1);
    const sentMs = this.#options.clock.now();
    const outcome = await this.#request(record, this.#headersOf(record));
    if (outcome.type === 'stored') this.#pace.answered(sentMs);
    return outcome;
  }

  publishTogether(records: readonly Outgoing[]): Promise<PublishOutcome> {
    const batch = nuid.next();
    const { connection } = this.#options;
    if (!this.#isConnected()) return Promise.resolve(notSent());
    this.#pace.sent(records.length);
    const last = records.length - 1;
    for (const [index, record] of records.entries()) {
      const message = headersOf(record)
        .add('Nats-Batch-Id', batch)
        .add('Nats-Batch-Sequence', index + 1);
      if (index === 0) message.add('Nats-Expected-Last-Sequence', record.after);
      if (index === last) return this.#request(record, message.add('Nats-Batch-Commit', 1));
      connection.publish(record.subject, Buffer.from(record.data), { headers: message });
    }
    return Promise.resolve({ type: 'overtaken' });
  }

  async position(): Promise<StreamPosition> {
    const { stream } = this.#options;
    const info = await this.#api.streamInfo(stream);
    if (!info) throw new JetStreamError(`there is no stream ${stream}`, STREAM_NOT_FOUND);
    return {
      first: info.state.first_seq,
      last: info.state.last_seq,
      created: info.created,
      description: info.config.description ?? '',
    };
  }

  follow(follower: Follower, signal: AbortSignal): void {
    new Tail({ ...this.#options, api: this.#api, follower, signal, position: () => this.position() }).start();
  }

  #isConnected(): boolean {
    const { connection, isConnected } = this.#options;
    return !connection.isClosed() && isConnected?.() !== false;
  }

  async #request({ subject, data }: Outgoing, message: EncodedHeaders): Promise<PublishOutcome> {
    if (!this.#isConnected()) return notSent();
    try {
      const reply = await this.#replies.request(subject, data, message);
      return outcomeOf(reply, this.#options.checksIds === true);
    } catch (error) {
      return { type: 'unknown', cause: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  #headersOf(record: Outgoing): EncodedHeaders {
    const { headers: own, after, isChained } = record;
    const message = headersOf(record);
    if (after === ANYWHERE) return message;
    if (this.#options.compares === 'subject')
      return message.add('Nats-Expected-Last-Subject-Sequence', after);
    message.add('Nats-Expected-Last-Sequence', after);
    if (!this.#options.checksIds) return message;
    message.add('Nats-Msg-Id', own[ATTEMPT] ?? '');
    return isChained ? message.add('Nats-Expected-Last-Msg-Id', own[PREVIOUS] ?? '') : message;
  }
}

function headersOf({ headers }: Outgoing): EncodedHeaders {
  const message = new EncodedHeaders();
  for (const name in headers) message.add(name, headers[name] ?? '');
  return message;
}

const notSent = (): PublishOutcome => ({
  type: 'unknown',
  cause: new Error('there is no connection to NATS'),
});

function outcomeOf(reply: Msg, isOneReplica: boolean): PublishOutcome {
  const { error, seq, duplicate } = reply.json<Answer>();
  if (error) {
    const { description, err_code: code } = error;
    if (OVERTAKEN.has(code)) return { type: 'overtaken' };
    if (REFUSED.has(code) || (code === NOT_STORED && isOneReplica)) {
      const message = `NATS does not take it: ${description}`;
      return {
        type: 'refused',
        error: new ApiError('ServiceUnavailable', message, { retryAfterSeconds: 5 }),
      };
    }
    return { type: 'unknown', cause: new Error(`${description} (${code})`) };
  }
  // Of an id that was seen before, and maybe never stored: 2.10 says sequence 0 then.
  if (!seq || (duplicate && seq === 0)) return { type: 'overtaken' };
  return { type: 'stored', sequence: seq };
}
