/** The copy of a store that another server of its cluster has: it follows the store, and may be held back. */
import { ApiError } from '../../../api/errors.ts';
import { silentLog } from '../../../api/log.ts';
import type {
  Actor,
  Change,
  Committed,
  Decision,
  Reader,
  Store,
  StoreHealth,
  WatchOptions,
} from '../../../api/store.ts';
import { DEFAULT_HISTORY_LIMIT, History } from '../../../runtime/store/history.ts';
import { MutableState } from '../../../runtime/store/state.ts';
import { Watchers } from '../../../runtime/store/watchers.ts';
import type { FakeStore } from './fake-store.ts';

export class StoreCopy implements Store {
  health: StoreHealth = {};
  readonly #store: FakeStore;
  readonly #state = new MutableState();
  readonly #watchers = new Watchers(new History(DEFAULT_HISTORY_LIMIT, 0), silentLog);
  readonly #onMoved = new Set<() => void>();
  /** Resolves when somebody waits for it to catch up. */
  readonly barrierAsked: Promise<void>;
  #onAsked = () => {};
  #isHeld = false;
  #held: Change[] = [];

  constructor(store: FakeStore) {
    this.#store = store;
    this.barrierAsked = new Promise((resolve) => (this.#onAsked = resolve));
    this.#state.revision = store.state.revision;
    store.subscribe({ after: 0 }, (change) => {
      if (this.#isHeld) this.#held.push(change);
      else this.#show(change);
    });
  }

  get state(): Reader {
    return this.#state;
  }

  /** From here on it shows nothing new. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const change of this.#held.splice(0)) this.#show(change);
  }

  async commit<T>(actor: Actor, decide: (state: Reader) => Decision<T>): Promise<Committed<T>> {
    if (this.health.unwritable !== undefined)
      throw new ApiError('ServiceUnavailable', this.health.unwritable);
    const committed = await this.#store.commit(actor, decide);
    await this.#reached(committed.revision);
    return committed;
  }

  subscribe(options: WatchOptions, onChange: (change: Change) => void): void {
    this.#watchers.add(options, this.#state.revision, onChange);
  }

  async barrier(): Promise<number> {
    const { revision } = this.#store.state;
    this.#onAsked();
    await this.#reached(revision);
    return revision;
  }

  async close(): Promise<void> {}

  #show(change: Change): void {
    this.#state.apply([change]);
    this.#watchers.publish([change]);
    for (const moved of this.#onMoved) moved();
  }

  #reached(revision: number): Promise<void> {
    return new Promise((resolve) => {
      const moved = () => {
        if (this.#state.revision < revision) return;
        this.#onMoved.delete(moved);
        resolve();
      };
      this.#onMoved.add(moved);
      moved();
    });
  }
}
