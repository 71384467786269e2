/** Who watches the store: resumes from the history, then hears every change as it is committed. */
import { ApiError } from '../../api/errors.ts';
import { KIND_NAMES, type KindName } from '../../api/kinds/index.ts';
import type { Log } from '../../api/log.ts';
import type { Change, WatchOptions } from '../../api/store.ts';
import type { History } from './history.ts';

interface Watcher {
  readonly kinds: ReadonlySet<KindName>;
  /** It has heard of everything up to here. */
  readonly seen: number;
  readonly onChange: (change: Change) => void;
  readonly stop: () => void;
}

export class Watchers {
  readonly #history: History;
  readonly #log: Log;
  readonly #byKind = new Map<KindName, Set<Watcher>>(KIND_NAMES.map((kind) => [kind, new Set()]));

  constructor(history: History, log: Log) {
    this.#history = history;
    this.#log = log;
  }

  /**
   * @param revision the revision that readers see now
   * @throws ApiError `Expired` where `options.after` is older than the history, or was never given out here
   */
  add(options: WatchOptions, revision: number, onChange: (change: Change) => void): void {
    const { after = revision, signal } = options;
    if (signal?.aborted) return;
    if (after > revision) {
      throw new ApiError(
        'Expired',
        `revision ${after} is not of this store, which is at ${revision}; list again`,
      );
    }
    const kinds = new Set(options.kinds ?? KIND_NAMES);
    const missed = after === revision ? [] : this.#history.since(after, kinds);
    const stop = () => {
      signal?.removeEventListener('abort', stop);
      for (const kind of kinds) this.#byKind.get(kind)?.delete(watcher);
    };
    const watcher: Watcher = { kinds, seen: revision, onChange, stop };
    for (const kind of kinds) this.#byKind.get(kind)?.add(watcher);
    signal?.addEventListener('abort', stop, { once: true });
    for (const change of missed) {
      if (signal?.aborted || !this.#tell(watcher, change)) return;
    }
  }

  /** Records the changes of one commit, which readers see by now, and tells those who watch. */
  publish(changes: readonly Change[]): void {
    // All are recorded before the first is told: whoever subscribes in a callback resumes over the whole commit.
    for (const change of changes) this.#history.record(change);
    for (const change of changes) {
      for (const watcher of this.#byKind.get(change.object.kind) ?? []) {
        if (change.revision > watcher.seen) this.#tell(watcher, change);
      }
    }
  }

  /** Ends all watches. */
  clear(): void {
    for (const watchers of this.#byKind.values()) for (const watcher of watchers) watcher.stop();
  }

  /** False where the watcher threw. It missed a change, so it can hear no more: it is dropped, the others go on. */
  #tell(watcher: Watcher, change: Change): boolean {
    try {
      watcher.onChange(change);
      return true;
    } catch (error) {
      watcher.stop();
      const { kind, metadata } = change.object;
      this.#log.error({ err: error, kind, name: metadata.name }, 'a watcher threw and was dropped');
      return false;
    }
  }
}
