/** Backups as files: written whole or not at all, readable by their owner alone; and read back. */
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type OpenedBackup, openBackup } from '../backup/read.ts';
import { fileError } from './file-errors.ts';
import type { Surroundings } from './surroundings.ts';

/** Stands for standard input or output. */
export const DASH = '-';
const COMPRESSED = /\.gz$/;

/**
 * Under another name until it is complete and on the disk. It holds the hashes of tokens: nobody else may read it.
 * @param pieces what these throw, it throws, and leaves nothing behind
 */
export async function writeBackupFile(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  await refuseWhatIsNoFile(path);
  const unfinished = `${path}.${randomUUID()}.tmp`;
  const file = createWriteStream(unfinished, { flags: 'wx', mode: 0o600, flush: true });
  const source = Readable.from(pieces, { objectMode: false });
  try {
    if (COMPRESSED.test(path)) await pipeline(source, createGzip(), file, { signal });
    else await pipeline(source, file, { signal });
    await rename(unfinished, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(unfinished, { force: true });
    throw isFileError(error) ? fileError(path, error) : error;
  }
}

/**
 * Begins to read a backup.
 * @throws BackupError where it is none; CommandError where it cannot be read
 */
export async function openBackupFile(path: string, stdin: Surroundings['stdin']): Promise<OpenedBackup> {
  return openBackup(path === DASH ? stdin.read() : readFile(path));
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (error) {
    throw fileError(path, error);
  }
}

/** A rename would put a file in the place of a device or a pipe. */
async function refuseWhatIsNoFile(path: string): Promise<void> {
  const there = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(path, error);
  });
  if (there && !there.isFile()) throw fileError(path, 'it is there, and no file');
}

const isFileError = (error: unknown): boolean =>
  error instanceof Error && 'syscall' in error && 'path' in error;

/** A file that was synced can still lose its name. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
