/** The way between one mill server and NATS: what is sent arrives late, twice as late, or after it was given up. */
import { never, type SimulatedProcess } from '../process.ts';
import { between, integer } from '../randomness.ts';
import type { SimulatedNats } from './nats.ts';
import { isHealthy, type NatsServer } from './replicated-stream.ts';

/** A connection over which nothing comes is given up after two pings without an answer (`connection.ts`). */
const SILENCE_MS = 3_000;
const RECONNECT_MS = 250;
/** What was sent is never under way for longer. */
const MOST_LATE_MS = 8_000;
/** Of what waited for a broken connection, the share that is sent over the next one. */
const SENT_AGAIN = 0.5;

/** What goes wrong on the way now. */
export class NatsWay {
  isCut = false;
  latencyMs = 0.5;
  /** Share of answers that are lost: what was asked for was done. */
  lostAnswers = 0;
  /** Share of what is sent that arrives long after. */
  late = 0;
  /** Of what the streams deliver. */
  tail = { lagMs: 0, breaks: 0 };
}

interface Waiting {
  readonly sentMs: number;
  readonly arrive: () => void;
}

export class NatsConnection {
  readonly nats: SimulatedNats;
  readonly process: SimulatedProcess;
  readonly way: NatsWay;
  /** As the process knows it: in ms of its clock since the epoch. */
  lostSinceMs: number | undefined;
  #server: NatsServer | undefined;
  #waiting: Waiting[] = [];
  /** Nothing on one connection overtakes what was sent before it. */
  #lastArrivalMs = 0;
  #isWatching = false;

  constructor(nats: SimulatedNats, process: SimulatedProcess, way: NatsWay) {
    this.nats = nats;
    this.process = process;
    this.way = way;
    this.#server = this.#anyServer();
    process.onDeath(nats.onChange(() => this.look()));
  }

  /** Nothing gets through, whether the process knows it or not. */
  get isBroken(): boolean {
    return this.way.isCut || this.lostSinceMs !== undefined || !this.#server || !isHealthy(this.#server);
  }

  /** Something may have changed. */
  look(): void {
    if (!this.isBroken || this.#isWatching || !this.process.isAlive) return;
    this.#isWatching = true;
    // A connection that was reset is known to be broken; of one that is silent that is found out.
    void this.#reconnect(this.#server?.isUp === false ? 0 : SILENCE_MS);
  }

  /** The process sends something, which arrives at NATS; or it does not. */
  send(arrive: () => void): void {
    const { process, way } = this;
    if (!process.step()) return;
    const { timeline, random } = process;
    if (this.isBroken) {
      this.#waiting.push({ sentMs: timeline.nowMs, arrive });
      this.look();
      return;
    }
    const delayMs = between(random, way.latencyMs / 4, way.latencyMs);
    if (way.late > 0 && random() < way.late) {
      timeline.after(between(random, 1, MOST_LATE_MS), arrive);
      return;
    }
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, timeline.nowMs + delayMs);
    timeline.after(this.#lastArrivalMs - timeline.nowMs, arrive);
  }

  /** Something comes back to the process; or it does not. @param isAnswer an answer may be lost by itself */
  comeBack(callback: () => void, isAnswer = true): void {
    const { process, way } = this;
    const { timeline, random } = process;
    if (isAnswer && way.lostAnswers > 0 && random() < way.lostAnswers) return;
    timeline.after(between(random, way.latencyMs / 4, way.latencyMs), () => {
      if (this.isBroken) this.look();
      else process.receive(() => process.step() && callback());
    });
  }

  /** @param ask what NATS does with the question. @returns undefined where no answer comes in time */
  async request<T>(ask: (answer: (answer: T) => void) => void, timeoutMs: number): Promise<T | undefined> {
    const { process } = this;
    if (!process.isAlive) return never();
    return new Promise((resolve) => {
      const cancel = process.clock.schedule(timeoutMs, () => resolve(undefined));
      const settle = (answer: T) => {
        cancel();
        resolve(answer);
      };
      this.send(() => ask((answer) => this.comeBack(() => settle(answer))));
    });
  }

  async #reconnect(afterMs: number): Promise<void> {
    const { timeline, random, clock } = this.process;
    await timeline.wait(afterMs);
    while (this.isBroken && this.process.isAlive) {
      this.lostSinceMs ??= clock.now();
      this.#server = undefined;
      await timeline.wait(between(random, RECONNECT_MS / 10, RECONNECT_MS));
      if (this.way.isCut) continue;
      this.#server = this.#anyServer();
      if (this.#server) this.lostSinceMs = undefined;
    }
    this.#isWatching = false;
    this.#sendWhatWaited();
  }

  #sendWhatWaited(): void {
    const { timeline, random } = this.process;
    for (const { sentMs, arrive } of this.#waiting.splice(0)) {
      const isTooLate = timeline.nowMs - sentMs > MOST_LATE_MS;
      if (!isTooLate && random() < SENT_AGAIN) timeline.after(between(random, 0, RECONNECT_MS), arrive);
    }
  }

  #anyServer(): NatsServer | undefined {
    const { healthy } = this.nats;
    return healthy[integer(this.process.random, 0, healthy.length - 1)];
  }
}
