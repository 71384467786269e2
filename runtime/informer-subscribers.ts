/** Who hears of the changes that an informer sees. */
import type { KindName } from '../api/kinds/index.ts';
import type { Log } from '../api/log.ts';
import type { Change, WatchOptions } from '../api/store.ts';

interface Subscriber {
  readonly kinds: ReadonlySet<KindName> | undefined;
  readonly onChange: (change: Change) => void;
}

export class InformerSubscribers {
  readonly #log: Log;
  readonly #all = new Set<Subscriber>();

  constructor(log: Log) {
    this.#log = log;
  }

  add({ kinds, signal }: Pick<WatchOptions, 'kinds' | 'signal'>, onChange: (change: Change) => void): void {
    const subscriber: Subscriber = { kinds: kinds && new Set(kinds), onChange };
    this.#all.add(subscriber);
    signal?.addEventListener('abort', () => this.#all.delete(subscriber), { once: true });
  }

  /** One that throws missed a change, so it can hear no more: it is dropped, the others go on. */
  tell(change: Change): void {
    for (const subscriber of this.#all) {
      if (subscriber.kinds && !subscriber.kinds.has(change.object.kind)) continue;
      try {
        subscriber.onChange(change);
      } catch (error) {
        this.#all.delete(subscriber);
        const { kind, metadata } = change.object;
        this.#log.error({ err: error, kind, name: metadata.name }, 'a subscriber threw and was dropped');
      }
    }
  }

  clear(): void {
    this.#all.clear();
  }
}
