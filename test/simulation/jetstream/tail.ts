/** Follows a simulated stream as `nats-tail.ts` follows a real one: it lags, stalls, breaks, and begins again where it stopped. */
import { sleep } from '../../../api/clock.ts';
import type { Follower, Incoming } from '../../../runtime/store/jetstream/stream.ts';
import { between, integer } from '../randomness.ts';
import type { Position } from './client-stream.ts';
import type { NatsConnection } from './connection.ts';
import type { NatsServer, ReplicatedStream } from './replicated-stream.ts';
import type { Stored } from './stream-log.ts';

const HEARTBEAT_MS = 500;
/** After so long without a record or a heartbeat the server behind the consumer is given up. */
const SILENCE_MS = 1_500;
const RETRY_FIRST_MS = 50;
const RETRY_MOST_MS = 500;
/** Records that are delivered in one go. */
const MOST_AT_ONCE = 40;

export interface SimulatedTailOptions {
  readonly connection: NatsConnection;
  readonly stream: () => ReplicatedStream | undefined;
  readonly follower: Follower;
  readonly signal: AbortSignal;
  readonly position: () => Promise<Position>;
  readonly create?: () => void;
}

/** What a NATS server delivers, from one opening to the next. */
interface Consumer {
  readonly stream: ReplicatedStream;
  /** Where it is; if that dies, so does it. */
  readonly server: NatsServer | undefined;
  /** Deaths of the server before it was made. */
  readonly deaths: number;
  next: number;
  delivered: number;
  isMoving: boolean;
}

export class SimulatedTail {
  readonly #options: SimulatedTailOptions;
  #consumer: Consumer | undefined;
  /** Deliveries that arrived. */
  #taken = 0;
  #heardMs: number;
  #isOpening = false;
  #cancelWatch = () => {};

  constructor(options: SimulatedTailOptions) {
    this.#options = options;
    this.#heardMs = options.connection.process.clock.now();
  }

  start(): void {
    this.#options.signal.addEventListener('abort', () => this.#stop(), { once: true });
    void this.#open();
  }

  #stop(): void {
    this.#cancelWatch();
    this.#consumer = undefined;
  }

  async #open(): Promise<void> {
    const { connection, signal, create, follower, position } = this.#options;
    const { clock } = connection.process;
    if (this.#isOpening) return;
    this.#isOpening = true;
    this.#stop();
    for (let pauseMs = RETRY_FIRST_MS; !signal.aborted; pauseMs = Math.min(RETRY_MOST_MS, 2 * pauseMs)) {
      const knew = follower.position();
      const at = await position();
      if (signal.aborted) return;
      if (at === 'missing') create?.();
      else if (at) {
        if (!follower.onOpened(at, { knew, gapMs: clock.now() - this.#heardMs })) return;
        this.#consume();
        break;
      }
      await sleep(clock, pauseMs, signal);
    }
    this.#isOpening = false;
    if (!signal.aborted) this.#watch();
  }

  #consume(): void {
    const { connection, stream, follower } = this.#options;
    const from = stream();
    if (!from) return;
    const { healthy } = connection.nats;
    const server = healthy[integer(connection.process.random, 0, healthy.length - 1)];
    const next = follower.position() + 1;
    const deaths = server?.deaths ?? 0;
    const consumer: Consumer = { stream: from, server, deaths, next, delivered: 0, isMoving: false };
    this.#consumer = consumer;
    this.#taken = 0;
    this.#heard();
    const forget = from.onNews(() => void this.#deliver(consumer));
    void this.#deliver(consumer);
    this.#beat(consumer, forget);
  }

  /** In turn: what is superseded meanwhile is not delivered. */
  async #deliver(consumer: Consumer): Promise<void> {
    const { process, way } = this.#options.connection;
    const { timeline, random } = process;
    if (consumer.isMoving) return;
    consumer.isMoving = true;
    while (this.#isCurrent(consumer) && consumer.stream.log.last >= consumer.next) {
      await timeline.wait(between(random, way.latencyMs / 4, way.latencyMs + way.tail.lagMs));
      if (!this.#isCurrent(consumer) || !lives(consumer)) break;
      if (consumer.server?.isPaused) await timeline.wait(HEARTBEAT_MS);
      else this.#send(consumer, integer(random, 1, MOST_AT_ONCE));
    }
    consumer.isMoving = false;
  }

  #send(consumer: Consumer, count: number): void {
    const { connection } = this.#options;
    const { process, way } = connection;
    const records: (readonly [number, Stored])[] = [];
    for (let record = consumer.stream.log.next(consumer.next); record; ) {
      consumer.next = record.sequence + 1;
      consumer.delivered += 1;
      const isLost = way.tail.breaks > 0 && process.random() < way.tail.breaks;
      if (!isLost) records.push([consumer.delivered, record]);
      record = records.length < count ? consumer.stream.log.next(consumer.next) : undefined;
    }
    // What a broken connection should bring is gone: the next that comes shows that something is missing.
    if (connection.isBroken) connection.look();
    else {
      process.receive(() => {
        for (const [delivery, record] of records) if (process.step()) this.#take(consumer, delivery, record);
      });
    }
  }

  #take(consumer: Consumer, delivery: number, record: Stored): void {
    if (!this.#isCurrent(consumer)) return;
    if (delivery !== this.#taken + 1) {
      void this.#open();
      return;
    }
    this.#taken = delivery;
    this.#heard();
    this.#options.follower.onRecord(incoming(record));
  }

  /** Says from time to time that it is there, and what it has delivered. */
  #beat(consumer: Consumer, forget: () => void): void {
    const { connection } = this.#options;
    const { process } = connection;
    process.timeline.after(HEARTBEAT_MS, () => {
      if (!this.#isCurrent(consumer) || !lives(consumer)) return forget();
      this.#beat(consumer, forget);
      const { delivered } = consumer;
      if (consumer.server?.isPaused || connection.isBroken) return;
      process.receive(() => {
        if (!this.#isCurrent(consumer)) return;
        if (delivered > this.#taken) void this.#open();
        else this.#heard();
      });
    });
  }

  #isCurrent(consumer: Consumer): boolean {
    return this.#consumer === consumer && this.#options.connection.process.isAlive;
  }

  #heard(): void {
    this.#heardMs = this.#options.connection.process.clock.now();
    this.#options.follower.onContact();
  }

  #watch(): void {
    const { connection, signal } = this.#options;
    const { clock } = connection.process;
    this.#cancelWatch();
    this.#cancelWatch = clock.schedule(SILENCE_MS, () => {
      if (signal.aborted) return;
      if (clock.now() - this.#heardMs < SILENCE_MS) this.#watch();
      else void this.#open();
    });
  }
}

const lives = ({ server, deaths }: Consumer): boolean => server?.isUp === true && server.deaths === deaths;

export const incoming = ({ sequence, subject, headers, data, timeMs }: Stored): Incoming => ({
  sequence,
  subject,
  timeMs,
  header: (name) => headers[name] ?? '',
  text: () => data,
});
