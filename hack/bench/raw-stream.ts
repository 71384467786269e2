/** Raw JetStream: what a stream takes at all, from one client. */
import { connect, headers, type NatsConnection, nuid } from 'nats';
import { event } from './objects.ts';

const NAMES = 1_000;
const TIMEOUT_MS = 10_000;

/** The same bytes on the same subjects, without anything that mill does. */
export class RawStream {
  readonly #connection: NatsConnection;
  readonly #data = new TextEncoder().encode(JSON.stringify(event('event-0')));
  #written = 0;

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  static async open(urls: readonly string[], replicas: number): Promise<RawStream> {
    const connection = await connect({ servers: [...urls], noAsyncTraces: true });
    const manager = await connection.jetstreamManager();
    const config = { name: 'raw', subjects: ['raw.>'], num_replicas: replicas, max_msgs_per_subject: 2 };
    await manager.streams.add({ ...config, allow_atomic: true } as typeof config);
    return new RawStream(connection);
  }

  publish(): Promise<unknown> {
    return this.#connection.request(this.#subject(), this.#data, {
      headers: this.#headers(),
      timeout: TIMEOUT_MS,
    });
  }

  async batch(size: number): Promise<void> {
    const id = nuid.next();
    for (let index = 1; index <= size; index++) {
      const message = this.#headers();
      message.append('Nats-Batch-Id', id);
      message.append('Nats-Batch-Sequence', String(index));
      if (index < size) this.#connection.publish(this.#subject(), this.#data, { headers: message });
      else {
        message.append('Nats-Batch-Commit', '1');
        await this.#connection.request(this.#subject(), this.#data, {
          headers: message,
          timeout: TIMEOUT_MS,
        });
      }
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #subject(): string {
    return `raw.events.event-${this.#written++ % NAMES}`;
  }

  /** As long as mill's own. */
  #headers() {
    const message = headers();
    message.append('Raw-Attempt', `0123456789ab-${this.#written}`);
    message.append('Raw-Previous', `0123456789ab-${this.#written}`);
    return message;
  }
}
