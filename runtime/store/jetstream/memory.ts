/** Keeps the file by which a server remembers which log it follows, and how far it has seen it. */
import { join } from 'node:path';
import { type Clock, repeat } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import { writeMemory } from './identity.ts';

/** How much later than the log the file may be. */
const REMEMBER_EVERY_MS = 2_000;

export const memoryFile = (dir: string): string => join(dir, 'nats.json');

export interface MemoryOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly cluster: string;
  /** When the stream was made, as NATS says it. */
  readonly created: string;
  readonly lastRecord: () => { readonly revision: number; readonly id: string };
  readonly signal: AbortSignal;
}

export class Memory {
  readonly #options: MemoryOptions;
  /** Until then less has been read than was remembered. */
  #isLoaded = false;
  #remembered = 0;
  #remembering = Promise.resolve();

  constructor(options: MemoryOptions) {
    this.#options = options;
  }

  /** The log has been read to its end. Ends with the signal. */
  begin(): void {
    const { clock, signal } = this.#options;
    this.#isLoaded = true;
    repeat(clock, REMEMBER_EVERY_MS, signal, () => this.remember());
  }

  /** One after the other: they write the same file. */
  remember(): Promise<void> {
    const { log } = this.#options;
    this.#remembering = this.#remembering
      .then(() => this.#writeMemory())
      .catch((error: Error) =>
        log.warn({ error: error.message }, 'the file that remembers the log cannot be written'),
      );
    return this.#remembering;
  }

  async #writeMemory(): Promise<void> {
    const { dir, cluster, created, lastRecord } = this.#options;
    const { revision, id } = lastRecord();
    if (!this.#isLoaded || revision === this.#remembered || id === '') return;
    await writeMemory(memoryFile(dir), { cluster, created, revision, id });
    this.#remembered = revision;
  }
}
