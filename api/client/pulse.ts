/**
 * Notices a server that hangs: one that is stopped, or cut off without a word, takes what it is sent and never answers.
 * Nothing is asked of a server that is heard from anyway.
 */
import type { Clock } from '../clock.ts';

/** What is awaited is a question of a moment: so soon a silent server is asked for a sign of life. */
const AWAITED_SILENCE_MS = 500;
/** A stream may be silent for long, and agents are heard from by their leases more often than this. */
const STREAM_SILENCE_MS = 5_000;
/** A server that lives answers in a moment, however long a request takes it. */
const SIGN_OF_LIFE_MS = 1_000;

/** `unready`: it lives, and says itself that it cannot do its work. */
export type SignOfLife = 'ready' | 'unready';

export interface PulseOptions {
  readonly clock: Clock;
  /** Asks for a sign of life; ends with the signal. */
  readonly ask: (signal: AbortSignal) => Promise<SignOfLife>;
  readonly onSilent: () => void;
  readonly onUnready: () => void;
}

export class Pulse {
  readonly #options: PulseOptions;
  #heardMs: number;
  #asking: Promise<SignOfLife | undefined> | undefined;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#heardMs = options.clock.now();
  }

  /** The server answered something. */
  heard(): void {
    this.#heardMs = this.#options.clock.now();
  }

  /** An answer is waited for, or a stream is read, until the returned function is called. */
  listen(to: 'answer' | 'stream'): () => void {
    const { clock } = this.#options;
    const silenceMs = to === 'answer' ? AWAITED_SILENCE_MS : STREAM_SILENCE_MS;
    let isOver = false;
    let cancel = () => {};
    const lookAgain = () => {
      cancel = clock.schedule(silenceMs, () => void look());
    };
    const look = async () => {
      if (clock.now() - this.#heardMs >= silenceMs) await this.#check();
      if (!isOver) lookAgain();
    };
    lookAgain();
    return () => {
      isOver = true;
      cancel();
    };
  }

  /** @returns undefined where nothing comes in time */
  signOfLife(): Promise<SignOfLife | undefined> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #check(): Promise<void> {
    const sign = await this.signOfLife();
    if (sign === undefined) this.#options.onSilent();
    else if (sign === 'unready') this.#options.onUnready();
  }

  async #ask(): Promise<SignOfLife | undefined> {
    const { clock, ask } = this.#options;
    const late = new AbortController();
    const cancel = clock.schedule(SIGN_OF_LIFE_MS, () => late.abort());
    try {
      const sign = await ask(late.signal);
      this.heard();
      return sign;
    } catch {
      // Whatever is wrong with the connection: no sign of life came.
      return undefined;
    } finally {
      cancel();
    }
  }
}
