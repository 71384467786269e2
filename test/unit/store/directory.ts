/** A store's directory for tests that damage it. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../api/clock.ts';
import { type Log, silentLog } from '../../../api/log.ts';
import type { Write } from '../../../api/store.ts';
import { type EmbeddedStore, openEmbeddedStore } from '../../../runtime/store/embedded.ts';
import { actor, blindly } from '../../conformance/objects.ts';

/** Zeros that stay behind the records of a journal: what was allocated ahead is cut, to make tests fast. */
const KEPT_ZEROS = 16;

export class StoreDirectory {
  readonly dir: string;
  readonly #copies: string[] = [];

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async create(): Promise<StoreDirectory> {
    return new StoreDirectory(await mkdtemp(join(tmpdir(), 'mill-store-')));
  }

  open(options: { log?: Log; compactBytes?: number } = {}): Promise<EmbeddedStore> {
    return openEmbeddedStore({
      dir: this.dir,
      clock: systemClock,
      log: silentLog,
      admission: () => {},
      ...options,
    });
  }

  /** The directory as a SIGKILL would leave it now. */
  async copy(): Promise<StoreDirectory> {
    const copy = await StoreDirectory.create();
    this.#copies.push(copy.dir);
    await cp(this.dir, copy.dir, { recursive: true, filter: (source) => !source.includes('lock-') });
    return copy;
  }

  path(file: string): string {
    return join(this.dir, file);
  }

  read(file: string): Promise<Buffer> {
    return readFile(this.path(file));
  }

  write(file: string, content: Buffer): Promise<void> {
    return writeFile(this.path(file), content);
  }

  /** A journal's bytes without most of the zeros behind them. */
  async readRecords(file: string): Promise<Buffer> {
    const content = await this.read(file);
    const last = content.findLastIndex((byte) => byte !== 0);
    return content.subarray(0, last + 1 + KEPT_ZEROS);
  }

  async dispose(): Promise<void> {
    for (const dir of [this.dir, ...this.#copies]) await rm(dir, { recursive: true, force: true });
  }
}

/** Commits one write after the other. */
export async function commitEach(store: EmbeddedStore, writes: readonly Write[]): Promise<void> {
  for (const write of writes) await store.commit(actor, blindly(write));
}
