/** A workload's standard output and error on disk: one file it appends to, and one cut off before it. */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../api/clock.ts';

/** A file of output this big is cut. With the one before it a workload keeps at most twice this on disk. */
const MAX_OUTPUT_BYTES = 10 * 1024 * 1024;
/**
 * The file's size is looked at when, at the pace so far, a quarter of the limit may have come: an idle workload
 * costs one stat in `MAX_CHECK_MS`, and one that floods cannot run away. (A file watch would wake us for each line.)
 */
const MIN_CHECK_MS = 50;
const MAX_CHECK_MS = 5_000;
/** Bytes moved at a time. */
const CHUNK_BYTES = 256 * 1024;

/** Where the last cut was made: a reader that was in the old file finds its place in the cut-off one. */
export interface Cut {
  /** How many cuts there were. */
  readonly count: number;
  /** Offset in the file as it was of the first byte that was kept. */
  readonly fromByte: number;
}

export interface OutputOptions {
  /** The alloc's directory. */
  readonly dir: string;
  readonly clock: Clock;
  readonly maxBytes?: number;
}

export class Output {
  /** The alloc's directory. */
  readonly dir: string;
  readonly current: string;
  readonly previous: string;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  #cut: Cut = { count: 0, fromByte: 0 };
  #cancel = () => {};
  #isWatching = false;
  #seenBytes = 0;
  #seenAt = 0;

  constructor({ dir, clock, maxBytes = MAX_OUTPUT_BYTES }: OutputOptions) {
    this.dir = dir;
    this.current = join(dir, 'output.log');
    this.previous = join(dir, 'output.log.1');
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  get cut(): Cut {
    return this.#cut;
  }

  /**
   * A descriptor for the workload, to append with: its next line after a cut is at the file's new end.
   * Synchronous: it takes microseconds, and a start waits for it.
   */
  open(): number {
    return openSync(this.current, 'a');
  }

  /** Keeps the file within its bound while the workload runs. */
  watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#seenAt = this.#clock.now();
    this.#cancel = this.#clock.schedule(MIN_CHECK_MS, () => void this.#check());
  }

  unwatch(): void {
    this.#isWatching = false;
    this.#cancel();
  }

  async #check(): Promise<void> {
    const size = await stat(this.current).then(
      (stats) => stats.size,
      () => 0, // the workload removed it: its output goes nowhere, by its own wish
    );
    if (!this.#isWatching) return;
    const elapsedMs = Math.max(1, this.#clock.now() - this.#seenAt);
    const grownBytes = Math.max(1, size - this.#seenBytes);
    this.#seenBytes = size >= this.#maxBytes ? this.rotate() : size;
    this.#seenAt = this.#clock.now();
    const quarterMs = (elapsedMs * this.#maxBytes) / 4 / grownBytes;
    const delayMs = Math.min(MAX_CHECK_MS, Math.max(MIN_CHECK_MS, quarterMs));
    this.#cancel = this.#clock.schedule(delayMs, () => void this.#check());
  }

  /**
   * Copies the end of the file aside and empties it; the workload's descriptor stays good. Synchronous (some ten
   * milliseconds, once in ten megabytes): what the workload writes between the last byte copied and the cut is
   * lost, so nothing else may come in between.
   * @returns the file's size after the cut
   */
  rotate(): number {
    const from = openSync(this.current, 'r+');
    const fresh = `${this.previous}.new`;
    try {
      const fromByte = Math.max(0, fstatSync(from).size - this.#maxBytes);
      const to = openSync(fresh, 'w');
      try {
        copyRest(from, to, fromByte);
        ftruncateSync(from, 0);
      } finally {
        closeSync(to);
      }
      renameSync(fresh, this.previous);
      this.#cut = { count: this.#cut.count + 1, fromByte };
      return 0;
    } finally {
      closeSync(from);
    }
  }
}

function copyRest(from: number, to: number, start: number): void {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = start, read = 1; read > 0; at += read) {
    read = readSync(from, chunk, 0, chunk.length, at);
    writeSync(to, chunk, 0, read);
  }
}
