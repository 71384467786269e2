/** The requests of JetStream's API that mill makes (NATS documentation, "JetStream wire API reference"). */
import type { NatsConnection } from 'nats';

/** An answer takes this long at most where a leader is there. */
export const REQUEST_TIMEOUT_MS = 2_000;

/** `err_code` of JetStream's errors (nats-server, server/errors.json). */
export const STREAM_NOT_FOUND = 10_059;
export const STREAM_NAME_IN_USE = 10_058;
const MESSAGE_NOT_FOUND = 10_037;

export class JetStreamError extends Error {
  override readonly name = 'JetStreamError';
  readonly errorCode: number;

  constructor(message: string, errorCode: number) {
    super(message);
    this.errorCode = errorCode;
  }
}

export interface StreamConfig {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly storage: 'file' | 'memory';
  readonly num_replicas: number;
  readonly description?: string;
  readonly [setting: string]: unknown;
}

export interface StreamInfo {
  readonly config: StreamConfig;
  /** When it was created, RFC 3339. */
  readonly created: string;
  readonly state: { readonly first_seq: number; readonly last_seq: number; readonly messages: number };
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly {
      readonly name: string;
      readonly current: boolean;
      readonly offline?: boolean;
    }[];
  };
}

export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  /** Base64. */
  readonly hdrs?: string;
  readonly data?: string;
}

export class JetStreamApi {
  readonly #connection: NatsConnection;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  /** @throws JetStreamError, NatsError where nobody answers */
  async request<T>(operation: string, body?: unknown): Promise<T> {
    const payload = body === undefined ? '' : JSON.stringify(body);
    const reply = await this.#connection.request(`$JS.API.${operation}`, payload, {
      timeout: REQUEST_TIMEOUT_MS,
    });
    const answer = reply.json<T & { error?: { description: string; err_code: number } }>();
    if (answer.error) throw new JetStreamError(answer.error.description, answer.error.err_code);
    return answer;
  }

  /** Undefined where there is no such stream. */
  async streamInfo(stream: string): Promise<StreamInfo | undefined> {
    try {
      return await this.request<StreamInfo>(`STREAM.INFO.${stream}`);
    } catch (error) {
      if (hasErrorCode(error, STREAM_NOT_FOUND)) return undefined;
      throw error;
    }
  }

  createStream(config: StreamConfig): Promise<StreamInfo> {
    return this.request(`STREAM.CREATE.${config.name}`, config);
  }

  updateStream(config: StreamConfig): Promise<StreamInfo> {
    return this.request(`STREAM.UPDATE.${config.name}`, config);
  }

  /** A message as it is stored; undefined where it is not there any more. */
  async message(
    stream: string,
    which: { readonly seq: number } | { readonly last_by_subj: string },
  ): Promise<StoredMessage | undefined> {
    try {
      return (await this.request<{ message: StoredMessage }>(`STREAM.MSG.GET.${stream}`, which)).message;
    } catch (error) {
      if (hasErrorCode(error, MESSAGE_NOT_FOUND)) return undefined;
      throw error;
    }
  }

  /** Deletes what a subject has up to a sequence. */
  async purge(stream: string, subject: string, upTo: number): Promise<void> {
    await this.request(`STREAM.PURGE.${stream}`, { filter: subject, seq: upTo + 1 });
  }

  /** Deletes everything. From 2.10 on the next record gets `next`, where that is later than the last one. */
  async empty(stream: string, next?: number): Promise<void> {
    await this.request(`STREAM.PURGE.${stream}`, next === undefined ? {} : { seq: next });
  }
}

export const hasErrorCode = (error: unknown, code: number): boolean =>
  error instanceof JetStreamError && error.errorCode === code;

/** A header of a stored message. */
export function headerOf({ hdrs = '' }: StoredMessage, name: string): string {
  const text = Buffer.from(hdrs, 'base64').toString();
  const line = text.split('\r\n').find((each) => each.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim() ?? '';
}
