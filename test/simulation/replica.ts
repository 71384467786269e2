/** A second set of controllers, which sees the store a little later than it is: the old leader that does not know yet. */

import { type Log, silentLog } from '../../api/log.ts';
import { admission } from '../../api/rules/index.ts';
import { ApiService } from '../../api/server/service.ts';
import type {
  Actor,
  Change,
  Committed,
  Decision,
  Reader,
  Store,
  StoreHealth,
  WatchOptions,
} from '../../api/store.ts';
import { type RunningControlPlane, startControlPlane } from '../../controllers/processes/control-plane.ts';
import type { VolumeDriver } from '../../runtime/drivers/volume.ts';
import { History } from '../../runtime/store/history.ts';
import { MutableState } from '../../runtime/store/state.ts';
import { Watchers } from '../../runtime/store/watchers.ts';
import type { SimulatedProcess } from './process.ts';
import { between, type Randomness } from './randomness.ts';
import { DOWN_AFTER_MS, type Server } from './server.ts';

const HISTORY_LIMIT = 1_000;
const MOST_LAG_MS = 20;

export interface ReplicaOptions {
  readonly server: Server;
  readonly process: SimulatedProcess;
  readonly randomness: Randomness;
  readonly log: Log;
  readonly volumes: VolumeDriver;
}

export function startSecondControlPlane(options: ReplicaOptions): RunningControlPlane {
  const { process, randomness, log, volumes } = options;
  const { clock, random } = process;
  const store = new Replica(options.server, process);
  const service = new ApiService({ store, clock, admission, identities: randomness.identities });
  const volumeDrivers = { local: volumes };
  return startControlPlane({ store, service, clock, random, log, volumeDrivers, downAfterMs: DOWN_AFTER_MS });
}

/** What one server of several sees: its own copy of the state, fed by the log, a moment late. */
class Replica implements Store {
  readonly #leader: Store;
  readonly #process: SimulatedProcess;
  readonly #state = new MutableState();
  readonly #watchers: Watchers;
  readonly #behind: Change[] = [];
  #waiting: { readonly revision: number; readonly resolve: () => void }[] = [];
  #isMoving = false;

  constructor(server: Server, process: SimulatedProcess) {
    this.#leader = server.store;
    this.#process = process;
    server.engine.copyTo(this.#state);
    this.#watchers = new Watchers(new History(HISTORY_LIMIT, this.#state.revision), silentLog);
    server.store.subscribe({}, (change) => {
      this.#behind.push(change);
      if (!this.#isMoving) void this.#follow();
    });
  }

  get state(): Reader {
    return this.#state;
  }

  /** Answered when the copy shows it. */
  async commit<T>(actor: Actor, decide: (state: Reader) => Decision<T>): Promise<Committed<T>> {
    const { timeline, random } = this.#process;
    if (!this.#process.step()) return new Promise(() => {});
    await timeline.wait(between(random, 0.2, 2));
    const committed = await this.#leader.commit(actor, decide);
    await this.#shown(committed.revision);
    return committed;
  }

  subscribe(options: WatchOptions, onChange: (change: Change) => void): void {
    this.#watchers.add(options, this.#state.revision, onChange);
  }

  get health(): StoreHealth {
    return this.#leader.health;
  }

  async barrier(): Promise<number> {
    await this.#shown(this.#leader.state.revision);
    return this.#state.revision;
  }

  async close(): Promise<void> {}

  async #follow(): Promise<void> {
    const { timeline, random } = this.#process;
    this.#isMoving = true;
    while (this.#behind.length > 0) {
      await timeline.wait(between(random, 0.2, MOST_LAG_MS));
      if (!this.#process.step()) return;
      const changes = this.#behind.splice(0);
      this.#state.apply(changes);
      this.#watchers.publish(changes);
      const { revision } = this.#state;
      for (const waiter of this.#waiting) if (waiter.revision <= revision) waiter.resolve();
      this.#waiting = this.#waiting.filter((waiter) => waiter.revision > revision);
    }
    this.#isMoving = false;
  }

  #shown(revision: number): Promise<void> {
    if (this.#state.revision >= revision) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ revision, resolve }));
  }
}
