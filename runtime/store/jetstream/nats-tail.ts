/** Follows a stream by an ordered push consumer, which it makes again, where it stopped, after every break. */
import type { Msg, NatsConnection, Subscription } from 'nats';
import { type Clock, sleep } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import { hasErrorCode, type JetStreamApi, STREAM_NOT_FOUND } from './api.ts';
import type { Follower, Incoming, StreamPosition } from './stream.ts';

const HEARTBEAT_MS = 500;
/** After so long without a record or a heartbeat the server behind the consumer is given up. */
const SILENCE_MS = 1_500;
/** The servers forget a consumer that nobody listens to after this. */
const FORGET_MS = 10_000;
const RETRY_FIRST_MS = 50;
const RETRY_MOST_MS = 500;
const NANOS_PER_MS = 1_000_000;
/** So many records in a row that the follower had written itself, and known before, in so short a time: it needs no reader now. */
const REST_AFTER_RECORDS = 64;
const REST_AFTER_MS = 500;
/** Of a follower that goes on by itself it is asked so often whether it still does. */
const REST_LOOK_MS = 50;

export interface TailOptions {
  readonly connection: NatsConnection;
  readonly api: JetStreamApi;
  readonly clock: Clock;
  readonly log: Log;
  readonly stream: string;
  readonly follower: Follower;
  readonly signal: AbortSignal;
  readonly position: () => Promise<StreamPosition>;
  readonly create?: () => Promise<void>;
}

export class Tail {
  readonly #options: TailOptions;
  #subscription: Subscription | undefined;
  /** Of the consumer, counted by itself: a number that is left out is a record that was lost on the way. */
  #delivered = 0;
  #heardMs: number;
  #cancelWatch = () => {};
  #isOpening = false;
  /** Of records that were known, without another between them. */
  #known = 0;
  #knownSinceMs = 0;

  constructor(options: TailOptions) {
    this.#options = options;
    this.#heardMs = options.clock.now();
  }

  start(): void {
    const { signal } = this.#options;
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    void this.#open();
  }

  #stop(): void {
    this.#cancelWatch();
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  async #open(): Promise<void> {
    const { signal, clock, log } = this.#options;
    if (this.#isOpening) return;
    this.#isOpening = true;
    this.#stop();
    for (let pauseMs = RETRY_FIRST_MS; !signal.aborted; pauseMs = Math.min(RETRY_MOST_MS, 2 * pauseMs)) {
      try {
        if (await this.#tryToOpen()) break;
        return;
      } catch (error) {
        if (signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        log.debug(
          { reason, stream: this.#options.stream },
          'the stream cannot be followed; it is tried again',
        );
        if (hasErrorCode(error, STREAM_NOT_FOUND)) await this.#missing();
        await sleep(clock, pauseMs, signal);
      }
    }
    this.#isOpening = false;
    if (!signal.aborted) this.#watch();
  }

  async #missing(): Promise<void> {
    const { create, follower } = this.#options;
    if (create) await create().catch(() => {});
    else follower.onMissing?.();
  }

  /** @returns false where the follower gave it up. @throws where nobody answers, or there is no such stream */
  async #tryToOpen(): Promise<boolean> {
    const { connection, api, stream, follower, position, clock, signal } = this.#options;
    const knew = follower.position();
    const at = await position();
    if (signal.aborted || !follower.onOpened(at, { knew, gapMs: clock.now() - this.#heardMs })) return false;
    this.#delivered = 0;
    const inbox = `_INBOX.mill.${crypto.randomUUID()}`;
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null && this.#subscription === subscription) this.#take(message);
      },
    });
    this.#subscription = subscription;
    try {
      await api.request(`CONSUMER.CREATE.${stream}`, {
        stream_name: stream,
        config: {
          deliver_subject: inbox,
          deliver_policy: 'by_start_sequence',
          opt_start_seq: follower.position() + 1,
          ack_policy: 'none',
          max_deliver: 1,
          replay_policy: 'instant',
          idle_heartbeat: HEARTBEAT_MS * NANOS_PER_MS,
          flow_control: true,
          inactive_threshold: FORGET_MS * NANOS_PER_MS,
          mem_storage: true,
          num_replicas: 1,
        },
      });
    } catch (error) {
      subscription.unsubscribe();
      throw error;
    }
    this.#heard();
    return true;
  }

  #take(message: Msg): void {
    const { follower, log, stream } = this.#options;
    if (message.headers?.code === 100) {
      this.#takeStatus(message);
      return;
    }
    const record = new NatsRecord(message);
    if (record.delivery !== this.#delivered + 1) {
      log.debug({ stream, delivery: record.delivery }, 'a record was lost on the way; it is read again');
      void this.#open();
      return;
    }
    this.#delivered = record.delivery;
    this.#heard();
    if (this.#isNeeded(record)) follower.onRecord(record);
    else this.#rest();
  }

  #isNeeded(record: NatsRecord): boolean {
    const nowMs = this.#options.clock.now();
    const isKnown = this.#options.follower.isKnown?.(record) === true;
    if (!isKnown || nowMs - this.#knownSinceMs > REST_AFTER_MS) {
      this.#known = 0;
      this.#knownSinceMs = nowMs;
    }
    this.#known += isKnown ? 1 : 0;
    return this.#known < REST_AFTER_RECORDS;
  }

  /**
   * Who writes fast learns all there is from the answers: each says that nothing stands between its record and the one
   * before. Reading all of it again would take as much of the servers as writing it. Where the follower does not get on
   * any more, because it has written nothing, or somebody else has, reading begins again.
   */
  #rest(): void {
    const { follower, clock, signal } = this.#options;
    this.#stop();
    this.#known = 0;
    let position = follower.position();
    const look = () => {
      if (signal.aborted) return;
      if (follower.position() === position) {
        void this.#open();
        return;
      }
      position = follower.position();
      this.#heard();
      this.#cancelWatch = clock.schedule(REST_LOOK_MS, look);
    };
    this.#cancelWatch = clock.schedule(REST_LOOK_MS, look);
  }

  /** A heartbeat, or the question whether this side keeps up (NATS, ADR-15). */
  #takeStatus(message: Msg): void {
    if (message.reply) message.respond();
    const stalled = message.headers?.get('Nats-Consumer-Stalled');
    if (stalled) this.#options.connection.publish(stalled);
    const last = message.headers?.get('Nats-Last-Consumer');
    if (last && Number(last) > this.#delivered) void this.#open();
    else this.#heard();
  }

  #heard(): void {
    this.#heardMs = this.#options.clock.now();
    this.#options.follower.onContact();
  }

  #watch(): void {
    const { clock, signal, log, stream } = this.#options;
    this.#cancelWatch();
    this.#cancelWatch = clock.schedule(SILENCE_MS, () => {
      if (signal.aborted) return;
      if (clock.now() - this.#heardMs < SILENCE_MS) return this.#watch();
      log.debug({ stream }, 'nothing is heard of the stream; it is followed anew');
      void this.#open();
    });
  }
}

/** The reply subject of a delivery says where it is from: `$JS.ACK.…` (NATS, ADR-15). */
class NatsRecord implements Incoming {
  readonly sequence: number;
  readonly delivery: number;
  readonly timeMs: number;
  readonly #message: Msg;

  constructor(message: Msg) {
    const tokens = (message.reply ?? '').split('.');
    const from = tokens.length > 9 ? 7 : 5;
    this.sequence = Number(tokens[from]);
    this.delivery = Number(tokens[from + 1]);
    this.timeMs = Math.floor(Number(tokens[from + 2]) / NANOS_PER_MS);
    this.#message = message;
  }

  get subject(): string {
    return this.#message.subject;
  }

  header(name: string): string {
    return this.#message.headers?.get(name) ?? '';
  }

  text(): string {
    return this.#message.string();
  }
}
