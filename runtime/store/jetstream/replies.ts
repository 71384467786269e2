/**
 * Requests and their replies. The package's own make two errors, with their stacks, and a timer for each request, which
 * costs more than the rest of it.
 */
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from 'nats';
import type { Clock } from '../../../api/clock.ts';

/** Status of a message that says that nobody listens (NATS, ADR-4). */
const NO_RESPONDERS = 503;

interface Pending {
  readonly dueMs: number;
  readonly resolve: (reply: Msg) => void;
  readonly reject: (error: Error) => void;
}

export class Replies {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #inbox = createInbox();
  /** In the order in which they are due: all wait equally long. */
  readonly #pending = new Map<string, Pending>();
  #count = 0;
  #isSweeping = false;

  constructor(connection: NatsConnection, clock: Clock, waitMs: number) {
    this.#connection = connection;
    this.#clock = clock;
    this.#waitMs = waitMs;
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#take(message);
      },
    });
  }

  /** @throws Error where nobody is there, or no reply comes in time */
  request(subject: string, data: string, headers: MsgHdrs): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const token = (this.#count++).toString(36);
      this.#connection.publish(subject, Buffer.from(data), { headers, reply: `${this.#inbox}.${token}` });
      this.#pending.set(token, { dueMs: this.#clock.now() + this.#waitMs, resolve, reject });
      if (!this.#isSweeping) this.#sweepLater(this.#waitMs);
    });
  }

  #take(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const pending = this.#pending.get(token);
    if (!pending) return;
    this.#pending.delete(token);
    const isNobody = message.data.length === 0 && message.headers?.code === NO_RESPONDERS;
    if (isNobody) pending.reject(new Error('no stream takes it now'));
    else pending.resolve(message);
  }

  #sweepLater(delayMs: number): void {
    this.#isSweeping = true;
    this.#clock.schedule(delayMs, () => {
      const nowMs = this.#clock.now();
      for (const [token, { dueMs, reject }] of this.#pending) {
        if (dueMs > nowMs) return this.#sweepLater(dueMs - nowMs);
        this.#pending.delete(token);
        reject(new Error(`no answer within ${this.#waitMs} ms`));
      }
      this.#isSweeping = false;
    });
  }
}
