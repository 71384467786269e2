/** What one server of several has of the store: a copy that follows a moment late, and a connection that can be cut. */
import type { Clock } from '../../../api/clock.ts';
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
import { History } from '../../../runtime/store/history.ts';
import { MutableState } from '../../../runtime/store/state.ts';
import { Watchers } from '../../../runtime/store/watchers.ts';

const HISTORY_LIMIT = 1_000;
const LAG_MS = 5;

export class LaggingStore implements Store {
  readonly #origin: Store;
  readonly #clock: Clock;
  readonly #state = new MutableState();
  readonly #watchers: Watchers;
  readonly #behind: Change[] = [];
  #waiting: (() => void)[] = [];
  #isCut = false;
  #isLate = false;

  constructor(origin: Store, clock: Clock) {
    this.#origin = origin;
    this.#clock = clock;
    for (const kind of ['Lease', 'Leadership', 'Event'] as const)
      for (const object of origin.state.list(kind)) this.#state.put(object);
    this.#state.revision = origin.state.revision;
    this.#watchers = new Watchers(new History(HISTORY_LIMIT, this.#state.revision), silentLog);
    origin.subscribe({}, (change) => {
      this.#behind.push(change);
      clock.schedule(LAG_MS, () => this.#follow());
    });
  }

  /** Nothing gets through any more, in either direction: commits that are under way hang. */
  cut(): void {
    this.#isCut = true;
  }

  mend(): void {
    this.#isCut = false;
    this.#follow();
  }

  /** Leases come as ever, and nothing else does, until `catchUp`: they are in a stream of their own. */
  fallBehind(): void {
    this.#isLate = true;
  }

  catchUp(): void {
    this.#isLate = false;
    this.#follow();
  }

  get state(): Reader {
    return this.#state;
  }

  /** What a test says of it. */
  health: StoreHealth = {};

  async commit<T>(actor: Actor, decide: (state: Reader) => Decision<T>): Promise<Committed<T>> {
    await new Promise<void>((resolve) => this.#clock.schedule(1, resolve));
    if (this.#isCut) throw new ApiError('ServiceUnavailable', 'the store is out of reach');
    const committed = await this.#origin.commit(actor, decide);
    while (this.#state.revision < committed.revision)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return committed;
  }

  subscribe(options: WatchOptions, onChange: (change: Change) => void): void {
    this.#watchers.add(options, this.#state.revision, onChange);
  }

  async barrier(): Promise<number> {
    await new Promise<void>((resolve) => this.#clock.schedule(1, resolve));
    if (this.#isCut) throw new ApiError('ServiceUnavailable', 'the store is out of reach');
    const revision = await this.#origin.barrier();
    while (this.#behind.length > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return revision;
  }

  async close(): Promise<void> {}

  #follow(): void {
    if (this.#isCut) return;
    const behind = this.#behind.splice(0);
    const changes = this.#isLate ? behind.filter(({ object }) => object.kind === 'Lease') : behind;
    if (this.#isLate) this.#behind.push(...behind.filter(({ object }) => object.kind !== 'Lease'));
    this.#state.apply(changes);
    this.#watchers.publish(changes);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
