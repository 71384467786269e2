/** Compaction: a snapshot taken beside the running commits, then the journals that it replaces are dropped. */
import type { Log } from '../../api/log.ts';
import type { Journal } from './journal.ts';
import { removeOlder } from './layout.ts';
import type { CommitPipeline } from './pipeline.ts';
import { createSegment } from './segment.ts';
import { captureImage, writeSnapshot } from './snapshot.ts';
import type { MutableState } from './state.ts';

/**
 * Journal bytes that call for a snapshot, at least. A journal may also grow as large as the last snapshot: so
 * snapshots write at most as much as commits do, and a start reads at most twice the state.
 */
const DEFAULT_COMPACT_BYTES = 16 * 1024 * 1024;

interface CompactorOptions {
  readonly dir: string;
  readonly log: Log;
  readonly compactBytes?: number;
  readonly journal: Journal;
  readonly pipeline: CommitPipeline;
  readonly state: MutableState;
  readonly snapshotBytes: number;
}

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #stop = new AbortController();
  #snapshotBytes: number;
  /** Journal bytes at which the next attempt is due. */
  #dueBytes: number;
  #running: Promise<void> | undefined;

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#snapshotBytes = options.snapshotBytes;
    this.#dueBytes = this.#thresholdBytes();
  }

  /** Starts a compaction where one is due. Called after each commit: costs a comparison. */
  consider(): void {
    if (this.#running || this.#options.journal.bytes < this.#dueBytes) return;
    const { log, dir, journal } = this.#options;
    this.compact().catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      // The journals still hold everything: nothing is lost, and there is another attempt after more commits.
      this.#dueBytes = journal.bytes + this.#thresholdBytes();
      log.error({ err: error, dir }, 'the store could not be compacted; trying again later');
    });
  }

  /** One at a time: a second call joins the first. */
  compact(): Promise<void> {
    this.#running ??= this.#compact().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Gives up a compaction that is under way; what it has done so far is kept or undone. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('the store is closed'));
    await this.#running?.catch(() => undefined);
  }

  async #compact(): Promise<void> {
    const { dir, journal, pipeline, state, log } = this.#options;
    this.#stop.signal.throwIfAborted();
    const number = journal.number + 1;
    const segment = await createSegment(dir, number);
    let switched: Promise<void> | undefined;
    let image: ReturnType<typeof captureImage>;
    try {
      image = await pipeline.atBoundary(() => {
        this.#stop.signal.throwIfAborted();
        switched = journal.switchTo(segment);
        return captureImage(state, pipeline.recorded, pipeline.reserved);
      });
    } catch (error) {
      // The file stays: it is empty, and the next start or attempt takes it.
      await segment.handle.close();
      throw error;
    }
    await switched;
    this.#snapshotBytes = await writeSnapshot(dir, number, image, this.#stop.signal);
    this.#dueBytes = this.#thresholdBytes();
    await removeOlder(dir, number);
    log.debug({ dir, revision: image.header.revision, objects: image.header.objects }, 'store compacted');
  }

  #thresholdBytes(): number {
    return Math.max(this.#options.compactBytes ?? DEFAULT_COMPACT_BYTES, this.#snapshotBytes);
  }
}
