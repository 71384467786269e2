/** A server: the store, the API and the controllers in one process, which dies as a whole. */
import { type Client, ConnectionError } from '../../api/client/client.ts';
import { createLocalClient } from '../../api/client/local.ts';
import type { KindName } from '../../api/kinds/index.ts';
import type { Log } from '../../api/log.ts';
import { admission } from '../../api/rules/index.ts';
import { Authenticator } from '../../api/server/authn.ts';
import { ApiService } from '../../api/server/service.ts';
import type { ServerWatchEvent, WatchParameters } from '../../api/server/verbs/watch.ts';
import type { Actor } from '../../api/store.ts';
import { type RunningControlPlane, startControlPlane } from '../../controllers/processes/control-plane.ts';
import type { VolumeDriver } from '../../runtime/drivers/volume.ts';
import type { SimulatedProcess } from './process.ts';
import type { Randomness } from './randomness.ts';
import { SimulatedStore, type SimulatedStoreOptions } from './store.ts';

/** As the real server has it. */
export const DOWN_AFTER_MS = 10_000;

export interface ServerOptions extends Omit<SimulatedStoreOptions, 'admission'> {
  readonly randomness: Randomness;
  readonly log: Log;
  readonly volumes: VolumeDriver;
}

export class Server {
  readonly process: SimulatedProcess;
  readonly store: SimulatedStore;
  readonly service: ApiService;
  readonly controlPlane: RunningControlPlane;
  /** It takes requests. */
  isListening = true;
  readonly #authenticator: Authenticator;
  #answering = 0;
  #onAnswered = () => {};

  constructor(options: ServerOptions) {
    const { process, log, randomness, volumes } = options;
    this.process = process;
    this.store = new SimulatedStore({ ...options, admission });
    const { clock, random } = process;
    this.service = new ApiService({ store: this.store, clock, admission, identities: randomness.identities });
    this.#authenticator = new Authenticator(this.store.state, []);
    this.controlPlane = startControlPlane({
      store: this.store,
      service: this.service,
      clock,
      random,
      log,
      volumeDrivers: { local: volumes },
      downAfterMs: DOWN_AFTER_MS,
    });
  }

  clientOf(actor: Actor): Client {
    return createLocalClient(this.service, actor);
  }

  /** @throws ApiError Unauthorized */
  authenticate(token: string): Actor {
    return this.#authenticator.authenticate(`Bearer ${token}`);
  }

  watch<K extends KindName>(
    actor: Actor,
    kind: K,
    parameters: WatchParameters,
    onEvent: (event: ServerWatchEvent<K>) => void,
  ): void {
    this.service.watch(actor, kind, parameters, onEvent);
  }

  /** What the server answers, or the broken connection that it leaves when it dies meanwhile. */
  answer<T>(work: () => Promise<T>): Promise<T> {
    this.#answering += 1;
    return new Promise((resolve, reject) => {
      const forget = this.process.onDeath(() => reject(new ConnectionError('the connection broke')));
      const call = async () => work();
      call()
        .then(resolve, reject)
        .finally(() => {
          forget();
          this.#answering -= 1;
          if (this.#answering === 0) this.#onAnswered();
        });
    });
  }

  /** SIGTERM, in the order in which `mill server` goes: controllers, API, store. Resolves when it has ended. */
  async close(): Promise<void> {
    await this.controlPlane.stop();
    this.isListening = false;
    if (this.#answering > 0)
      await new Promise<void>((resolve) => {
        this.#onAnswered = resolve;
      });
    // A disk that is full just then: it ends with an error, and ends.
    await this.store.close().catch(() => {});
    this.process.kill();
  }
}
