/** Raw JetStream: what a stream takes at all, from one client. */
import { connect, headers, type MsgHdrs, type NatsConnection, nuid } from 'nats';
import { event } from './objects.ts';

export const RAW_STREAM = 'raw';
const NAMES = 1_000;
const TIMEOUT_MS = 10_000;

/** The same bytes on the same subjects, without anything that mill does; headers are as mill's, so the stream checks as much. */
export class RawStream {
  readonly #connection: NatsConnection;
  readonly #data = new TextEncoder().encode(JSON.stringify(event('event-0')));
  /** With one replica the stream is told ids, and checks them. */
  readonly #hasIds: boolean;
  #written = 0;
  /** The record before has an id. */
  #isChained = false;
  #waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  #isBusy = false;

  private constructor(connection: NatsConnection, hasIds: boolean) {
    this.#connection = connection;
    this.#hasIds = hasIds;
  }

  /** @param like name of the stream that it is to be compared with: it is set up as that is */
  static async open(url: string, like: string): Promise<RawStream> {
    const connection = await connect({ servers: url, noAsyncTraces: true });
    const { streams } = await connection.jetstreamManager();
    const { config } = await streams.info(like);
    await streams.add({ ...config, name: RAW_STREAM, subjects: ['raw.>'] });
    return new RawStream(connection, config.num_replicas === 1);
  }

  /** @throws Error where it is not stored in its place */
  publish(): Promise<void> {
    const message = this.#next();
    if (this.#hasIds) {
      message.append('Nats-Msg-Id', idOf(this.#written));
      if (this.#isChained) message.append('Nats-Expected-Last-Msg-Id', idOf(this.#written - 1));
    }
    this.#isChained = this.#hasIds;
    message.append('Nats-Expected-Last-Sequence', String(this.#written - 1));
    return this.#request(message);
  }

  /** In one batch with all that waits, one batch after the other; each caller is answered. @throws like `publish` */
  publishTogether(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#waiting.length === 1 && !this.#isBusy) this.#sendLater();
    });
  }

  /** What is called in this turn goes together. */
  #sendLater(): void {
    queueMicrotask(() => process.nextTick(() => this.#sendWaiting()));
  }

  async #sendWaiting(): Promise<void> {
    const sent = this.#waiting.splice(0);
    this.#isBusy = true;
    const answer = await this.#batch(sent.length).catch((error: Error) => error);
    this.#isBusy = false;
    for (const { resolve, reject } of sent) {
      if (answer) reject(answer);
      else resolve();
    }
    if (this.#waiting.length > 0) this.#sendLater();
  }

  /** All or nothing. */
  async #batch(size: number): Promise<void> {
    const id = nuid.next();
    this.#isChained = false;
    for (let index = 1; index <= size; index++) {
      const message = this.#next();
      message.append('Nats-Batch-Id', id);
      message.append('Nats-Batch-Sequence', String(index));
      if (index === 1) message.append('Nats-Expected-Last-Sequence', String(this.#written - 1));
      if (index < size) this.#connection.publish(this.#subject, this.#data, { headers: message });
      else {
        message.append('Nats-Batch-Commit', '1');
        await this.#request(message);
      }
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  get #subject(): string {
    return `raw.events.event-${this.#written % NAMES}`;
  }

  /** Headers of the next record, as long as mill's own. */
  #next(): MsgHdrs {
    this.#written += 1;
    const message = headers();
    message.append('Raw-Attempt', idOf(this.#written));
    message.append('Raw-Previous', idOf(this.#written - 1));
    return message;
  }

  async #request(message: MsgHdrs): Promise<void> {
    const sequence = this.#written;
    const options = { headers: message, timeout: TIMEOUT_MS };
    const answer = await this.#connection.request(this.#subject, this.#data, options);
    const { seq, error } = answer.json<{ readonly seq?: number; readonly error?: { description: string } }>();
    if (seq !== sequence) throw new Error(`not stored at ${sequence}: ${error?.description ?? seq}`);
  }
}

const idOf = (sequence: number): string => `0123456789ab-${sequence}`;
