/** `-f FILE|DIR|-`: the texts to parse, with a bound on what is read. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, UsageError } from '../exit.ts';
import { fileError } from '../file-errors.ts';
import type { Surroundings } from '../surroundings.ts';

/** Largest file, in bytes: objects are a few kilobytes each; more is no manifest. */
const MAX_MANIFEST_BYTES = 8 * 2 ** 20;
/** Most files of one directory: more is the wrong directory. */
const MAX_FILES = 1_000;
const MANIFEST_FILE = /\.(ya?ml|json)$/i;

export interface ManifestText {
  /** As messages name it. */
  readonly file: string;
  readonly text: string;
}

/**
 * Reads what `-f` names; a directory is read flat, its files by name.
 * @throws CommandError where one cannot be read, or is too large
 */
export async function readManifests(
  paths: readonly string[],
  stdin: Surroundings['stdin'],
): Promise<ManifestText[]> {
  if (paths.length === 0) throw new UsageError('say what to read: -f FILE, -f DIR or -f -');
  if (paths.filter((path) => path === '-').length > 1) throw new UsageError('-f - can be given once only');
  const texts: ManifestText[] = [];
  for (const path of paths) {
    if (path === '-') texts.push({ file: 'stdin', text: await readStream(stdin.read()) });
    else for (const file of await filesAt(path)) texts.push({ file, text: await readText(file) });
  }
  return texts;
}

async function filesAt(path: string): Promise<string[]> {
  const found = await attempt(path, () => stat(path));
  if (!found.isDirectory()) return [path];
  const names = await attempt(path, () => readdir(path));
  const files = names.filter((name) => MANIFEST_FILE.test(name)).sort();
  if (files.length === 0) throw new CommandError(`${path}: there is no *.yaml, *.yml or *.json in it`);
  if (files.length > MAX_FILES) throw new CommandError(`${path}: more than ${MAX_FILES} files`);
  return files.map((name) => join(path, name));
}

async function readText(file: string): Promise<string> {
  const { size } = await attempt(file, () => stat(file));
  if (size > MAX_MANIFEST_BYTES) throw tooLarge(file);
  return attempt(file, () => readFile(file, 'utf8'));
}

async function readStream(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES) throw tooLarge('stdin');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function attempt<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw fileError(path, error);
  }
}

const tooLarge = (file: string) =>
  new CommandError(`${file}: larger than ${MAX_MANIFEST_BYTES / 2 ** 20} MiB, which no manifest is`);
