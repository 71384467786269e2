/** Takes a backup's bytes apart into lines, and proves that they are all there and as they were written. */
import { createHash } from 'node:crypto';
import {
  BACKUP_FORMAT,
  BACKUP_VERSION,
  type BackupEnd,
  BackupError,
  type BackupHeader,
  END_PREFIX,
  MAX_LINE_BYTES,
} from './format.ts';

const NEWLINE = 0x0a;

/** One line that holds an object. */
export interface ObjectLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** Holds at most one line. All methods throw BackupError. */
export class BackupScanner {
  readonly #hash = createHash('sha256');
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Lines that are complete. */
  #lines = 0;
  #objects = 0;
  #header: BackupHeader | undefined;
  #end: BackupEnd['end'] | undefined;

  /** Undefined as long as the first line is not there. */
  get header(): BackupHeader | undefined {
    return this.#header;
  }

  /** Objects so far. */
  get objects(): number {
    return this.#objects;
  }

  /** The line that is being read. */
  get line(): number {
    return this.#lines + 1;
  }

  /** Takes the next bytes. @returns the objects' lines that they complete; nothing of them is proven before `finish` */
  push(chunk: Uint8Array): ObjectLine[] {
    const found: ObjectLine[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#hold(chunk.subarray(from, at));
      const line = this.#take();
      if (line) found.push(line);
      from = at + 1;
    }
    this.#hold(chunk.subarray(from));
    return found;
  }

  /** The bytes have ended: all of the backup was there, and as it was written. @returns its checksum */
  finish(): BackupEnd['end'] {
    if (this.#pendingBytes > 0) throw new BackupError(this.line, 'it is cut short: the line has no end');
    if (!this.#header) throw new BackupError(1, 'it is empty');
    if (!this.#end) throw new BackupError(this.line, 'it is cut short: the last line is missing');
    return this.#end;
  }

  #hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#end) throw new BackupError(this.line, 'something follows the end');
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes > MAX_LINE_BYTES) {
      throw new BackupError(this.line, `it is longer than ${MAX_LINE_BYTES} bytes, which no object is`);
    }
    this.#pending.push(bytes);
  }

  #take(): ObjectLine | undefined {
    if (this.#end) throw new BackupError(this.line, 'something follows the end');
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    const text = bytes.toString('utf8');
    const number = this.line;
    if (text.startsWith(END_PREFIX)) {
      this.#end = this.#checkEnd(text);
      this.#lines = number;
      return undefined;
    }
    if (this.#header) this.#count(this.#header);
    else this.#header = readHeader(text);
    this.#hash.update(bytes).update('\n');
    this.#lines = number;
    return number === 1 ? undefined : { number, text };
  }

  #count(header: BackupHeader): void {
    if (this.#objects === header.objects) {
      throw new BackupError(this.line, `the header says that there are only ${header.objects} objects`);
    }
    this.#objects += 1;
  }

  #checkEnd(text: string): BackupEnd['end'] {
    const { line } = this;
    if (!this.#header) throw notMill();
    const value = parseJson(line, text) as { end?: Partial<BackupEnd['end']> | null };
    const { objects, sha256 } = value.end ?? {};
    if (objects !== this.#objects || objects !== this.#header.objects) {
      const said = `${this.#header.objects} are named in the header, ${String(objects)} here`;
      throw new BackupError(line, `${this.#objects} objects are before it (${said}): something is missing`);
    }
    if (sha256 !== this.#hash.digest('hex')) {
      throw new BackupError(
        line,
        `the lines before it do not have the checksum that it names: it was changed`,
      );
    }
    return { objects, sha256 };
  }
}

/** @throws BackupError */
export function parseJson(line: number, text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BackupError(line, 'it is not JSON: it was changed', { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new BackupError(line, 'it is not an object: it was changed');
}

const notMill = (cause?: unknown): BackupError =>
  new BackupError(1, 'it is no backup of mill', cause === undefined ? undefined : { cause });

function readHeader(text: string): BackupHeader {
  let value: Partial<BackupHeader>;
  try {
    value = parseJson(1, text);
  } catch (cause) {
    throw notMill(cause);
  }
  const { format, version, mill, cluster, revision, objects, time } = value;
  if (format !== BACKUP_FORMAT) throw notMill();
  if (version !== BACKUP_VERSION) {
    const said = `of version ${String(version)}, made by mill ${String(mill)}`;
    throw new BackupError(
      1,
      `this version of mill reads backups of version ${BACKUP_VERSION}; it is ${said}`,
    );
  }
  const isWhole =
    typeof mill === 'string' &&
    (cluster === undefined || typeof cluster === 'string') &&
    isCount(revision) &&
    isCount(objects) &&
    typeof time === 'string';
  if (!isWhole) throw new BackupError(1, 'the header is not whole: it was changed');
  return { format, version, mill, ...(cluster === undefined ? {} : { cluster }), revision, objects, time };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
