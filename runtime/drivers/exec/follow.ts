/** Reads a workload's output from disk, across cuts, to its end or for as long as it runs. */
import { watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { LogOptions } from '../workload.ts';
import type { Output } from './output.ts';

/** Bytes read at a time. */
const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** @param ended resolves when nothing more will be written; absent where that is so already */
export async function* followOutput(
  output: Output,
  options: LogOptions,
  ended: Promise<unknown> | undefined,
): AsyncIterable<Buffer> {
  const current = await openIfThere(output.current);
  if (!current) return;
  const wake = options.follow && ended ? new Wake(output.current, ended, options.signal) : undefined;
  try {
    let cuts = output.cut.count;
    let offset = 0;
    if (options.tailLines === undefined) yield* readPrevious(output, 0);
    else {
      const tail = await findTail(output, current, options.tailLines);
      if (tail.previousFrom !== undefined) yield* readPrevious(output, tail.previousFrom);
      offset = tail.currentFrom;
    }
    while (!options.signal?.aborted) {
      const { count, fromByte } = output.cut;
      if (count !== cuts) {
        // More than one cut since the last look: what was between them is gone.
        yield* readPrevious(output, count === cuts + 1 ? Math.max(0, offset - fromByte) : 0);
        cuts = count;
        offset = 0;
      }
      const isLast = !wake || wake.isOver; // before the read: what came until then is in it
      const chunk = await readChunk(current, offset);
      if (output.cut.count !== cuts) continue; // cut meanwhile: those bytes are from elsewhere in the file
      offset += chunk.length;
      if (chunk.length > 0) yield chunk;
      else if (isLast) return;
      else await wake.next();
    }
  } finally {
    wake?.close();
    await current.close();
  }
}

/** Tells when a file changed; a change between two looks is not lost. */
class Wake {
  isOver = false;
  #isDue = false;
  #resume: (() => void) | undefined;
  readonly #close: () => void;

  constructor(file: string, ended: Promise<unknown>, signal: AbortSignal | undefined) {
    const watcher = watch(file, () => this.#fire());
    const over = () => {
      this.isOver = true;
      this.#fire();
    };
    watcher.on('error', over); // the file was removed under it: nothing more can be read
    signal?.addEventListener('abort', over, { once: true });
    void ended.then(over);
    if (signal?.aborted) over();
    this.#close = () => {
      watcher.close();
      signal?.removeEventListener('abort', over);
    };
  }

  async next(): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    this.#isDue = false;
  }

  close(): void {
    this.#close();
  }

  #fire(): void {
    this.#isDue = true;
    this.#resume?.();
    this.#resume = undefined;
  }
}

async function findTail(output: Output, current: FileHandle, lines: number) {
  const here = await tailStart(current, lines);
  if (here.missing === 0) return { currentFrom: here.offset, previousFrom: undefined };
  const previous = await openIfThere(output.previous);
  if (!previous) return { currentFrom: here.offset, previousFrom: undefined };
  try {
    return { currentFrom: here.offset, previousFrom: (await tailStart(previous, here.missing)).offset };
  } finally {
    await previous.close();
  }
}

/** Offset at which the last lines begin, and how many of them the file does not have. Reads from the end. */
async function tailStart(file: FileHandle, lines: number): Promise<{ offset: number; missing: number }> {
  const { size } = await file.stat();
  if (lines <= 0) return { offset: size, missing: 0 };
  let missing = lines;
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunk.length);
    const { bytesRead } = await file.read(chunk, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at--) {
      // The last byte's newline ends the last line; any other one ends the line before.
      if (chunk[at] !== NEWLINE || start + at === size - 1) continue;
      missing -= 1;
      if (missing === 0) return { offset: start + at + 1, missing };
    }
    end = start;
  }
  return { offset: 0, missing: size > 0 ? missing - 1 : missing };
}

async function* readPrevious(output: Output, offset: number): AsyncIterable<Buffer> {
  const file = await openIfThere(output.previous);
  if (!file) return;
  try {
    let chunk = await readChunk(file, offset);
    for (let at = offset; chunk.length > 0; chunk = await readChunk(file, at)) {
      at += chunk.length;
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

/** What is there from the offset on, up to a bound; empty at the file's end. */
async function readChunk(file: FileHandle, offset: number): Promise<Buffer> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
  return chunk.subarray(0, bytesRead);
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
