/** Reads a backup back, object by object, each checked. */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { AnyObject, KindName } from '../kinds/index.ts';
import { checkStored } from '../validation/stored.ts';
import { BackupError, type BackupHeader, backedUpKinds } from './format.ts';
import { BackupScanner, type ObjectLine, parseJson } from './scan.ts';

export interface OpenedBackup {
  readonly header: BackupHeader;
  /**
   * To be read once. The objects before an error are good for nothing: only when it ends without one are they known to
   * be all there, and as they were written.
   * @throws BackupError
   */
  readonly objects: AsyncIterable<AnyObject>;
}

/**
 * Begins to read a backup, compressed or not. Memory holds one chunk and one line, however large it is.
 * @throws BackupError where it does not begin as one
 */
export async function openBackup(chunks: AsyncIterable<Uint8Array>): Promise<OpenedBackup> {
  const scanner = new BackupScanner();
  const lines = readLines(scanner, chunks);
  let first = await lines.next();
  while (!scanner.header && !first.done) first = await lines.next();
  const { header } = scanner;
  if (!header) throw new BackupError(1, 'it is empty');
  return { header, objects: readObjects(header, first, lines) };
}

async function* readLines(
  scanner: BackupScanner,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly ObjectLine[]> {
  try {
    for await (const chunk of await decompressed(chunks)) yield scanner.push(chunk);
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      const reason = `the compressed data is damaged or cut short (${error.message})`;
      throw new BackupError(scanner.line, reason, { cause: error });
    }
    throw error;
  }
  scanner.finish();
}

async function* readObjects(
  header: BackupHeader,
  first: IteratorResult<readonly ObjectLine[], unknown>,
  lines: AsyncGenerator<readonly ObjectLine[]>,
): AsyncGenerator<AnyObject> {
  const order = new ObjectOrder();
  try {
    for (let next = first; !next.done; next = await lines.next()) {
      for (const line of next.value) {
        const object = readObject(line, header);
        order.check(line.number, object);
        yield object;
      }
    }
  } finally {
    await lines.return(undefined);
  }
}

const GZIP_MAGIC: readonly number[] = [0x1f, 0x8b];

/** By what it begins with, not by its name: it may come through a pipe. */
async function decompressed(chunks: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = chunks[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let head = Buffer.alloc(0);
  while (head.length < GZIP_MAGIC.length) {
    const next = await iterator.next();
    if (next.done) break;
    held.push(next.value);
    head = Buffer.concat([head, next.value.subarray(0, GZIP_MAGIC.length)]);
  }
  const all = (async function* () {
    try {
      yield* held;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
  if (!GZIP_MAGIC.every((byte, index) => head[index] === byte)) return all;
  const source = Readable.from(all, { objectMode: false });
  const gunzip = createGunzip();
  source.once('error', (error) => gunzip.destroy(error));
  gunzip.once('close', () => source.destroy());
  return source.pipe(gunzip);
}

function readObject({ number, text }: ObjectLine, { mill, revision }: BackupHeader): AnyObject {
  const value = parseJson(number, text);
  const kind = 'kind' in value ? backedUpKinds().find((known) => known === value.kind) : undefined;
  if (!kind) {
    const found = 'kind' in value ? `a ${String(value.kind)}` : 'no object of mill';
    throw new BackupError(number, `it is ${found}, which this version of mill does not keep`);
  }
  const { object, causes } = checkStored(kind, value, revision);
  if (causes.length === 0) return object;
  const reasons = causes.map(({ field, message }) => `${field}: ${message}`).join('; ');
  const name = object.metadata?.name ?? '';
  throw new BackupError(number, `${kind} "${name}", written by mill ${mill}, is not valid here: ${reasons}`);
}

/** Kind by kind, and sorted by name: so that one that comes twice is noticed without remembering them all. */
class ObjectOrder {
  readonly #finished = new Set<KindName>();
  #kind: KindName | undefined;
  #name = '';

  check(line: number, { kind, metadata: { name } }: AnyObject): void {
    if (kind !== this.#kind) {
      if (this.#kind) this.#finished.add(this.#kind);
      if (this.#finished.has(kind))
        throw new BackupError(line, `${kind} "${name}" is not with the others of its kind`);
      this.#kind = kind;
    } else if (name <= this.#name) {
      const what = name === this.#name ? 'is there twice' : 'is out of order';
      throw new BackupError(line, `${kind} "${name}" ${what}`);
    }
    this.#name = name;
  }
}
