/**
 * Which log this server follows, remembered in a file: a stream that was lost, made anew, rolled back or forked is noticed
 * at the next start, and never taken for an empty cluster.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { StreamInfo } from './api.ts';

export interface Remembered {
  /** Id of the cluster, in the stream's first record. */
  readonly cluster: string;
  /** When the stream was created, as its servers write it. */
  readonly created: string;
  /** The last record that was seen, and its id. */
  readonly revision: number;
  readonly id: string;
}

/** What is there ends before what was seen; a server that is behind says so as well, for a moment. */
export class BehindError extends Error {
  override readonly name = 'BehindError';
}

/** @returns undefined where nothing was remembered. @throws Error where the file cannot be read */
export async function readMemory(path: string): Promise<Remembered | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Remembered;
  } catch (cause) {
    throw new Error(`${path} is damaged: it says which cluster this server belongs to`, { cause });
  }
}

export async function writeMemory(path: string, remembered: Remembered): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // On disk before it takes the place of the old one: a power cut leaves either.
  await writeFile(`${path}.new`, `${JSON.stringify(remembered)}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}

/**
 * What is wrong with a stream for a server that remembers another one, in a sentence; undefined: nothing.
 * @param idAt id of the record at the remembered revision; undefined where it is not there any more
 */
export function whyAnother(
  remembered: Remembered,
  info: StreamInfo,
  cluster: string | undefined,
  idAt: string | undefined,
): string | undefined {
  const { name } = info.config;
  if (cluster !== remembered.cluster) {
    return `stream ${name} is of another cluster (${cluster ?? 'none'}): this server belongs to ${remembered.cluster}`;
  }
  if (info.created !== remembered.created) {
    return `stream ${name} was made anew at ${info.created}: this server followed the one of ${remembered.created}`;
  }
  if (info.state.last_seq < remembered.revision) {
    return `stream ${name} ends with revision ${info.state.last_seq}: this server has seen ${remembered.revision}, so acknowledged writes are lost`;
  }
  if (idAt !== undefined && idAt !== remembered.id) {
    return `stream ${name} has another record at revision ${remembered.revision} than this server has seen: it was forked`;
  }
  return undefined;
}

/** What to do about it, after the sentence that says what is wrong. */
export const remedy = (path: string): string =>
  `Nothing was changed. Restore a backup (mill restore), or, where this server shall join what is there now, delete ${path}`;
