/** What others see of a server: it answers, streams, and is gone when its process dies. */
import { type Client, ConnectionError } from '../../api/client/client.ts';
import { createLocalClient } from '../../api/client/local.ts';
import { unavailable } from '../../api/errors.ts';
import type { KindName } from '../../api/kinds/index.ts';
import { Authenticator } from '../../api/server/authn.ts';
import { authenticate } from '../../api/server/http/store-health.ts';
import type { ApiService } from '../../api/server/service.ts';
import type { ServerWatchEvent, WatchParameters } from '../../api/server/verbs/watch.ts';
import type { Actor, Store } from '../../api/store.ts';
import type { SimulatedProcess } from './process.ts';

export interface DoorOptions {
  readonly process: SimulatedProcess;
  readonly store: Store;
  readonly service: ApiService;
}

export class Door {
  readonly process: SimulatedProcess;
  readonly store: Store;
  readonly service: ApiService;
  /** It takes requests. */
  isListening = true;
  readonly #authenticator: Authenticator;
  #answering = 0;
  #onAnswered = () => {};

  constructor({ process, store, service }: DoorOptions) {
    this.process = process;
    this.store = store;
    this.service = service;
    this.#authenticator = new Authenticator(store.state, []);
  }

  clientOf(actor: Actor): Client {
    return createLocalClient(this.service, actor);
  }

  /** @throws ApiError Unauthorized, ServiceUnavailable */
  authenticate(token: string): Actor {
    return authenticate({ authenticator: this.#authenticator, service: this.service }, `Bearer ${token}`);
  }

  /** Takes up a watch; resolves when it has begun. */
  async watch<K extends KindName>(
    actor: Actor,
    kind: K,
    parameters: WatchParameters,
    onEvent: (event: ServerWatchEvent<K>) => void,
  ): Promise<void> {
    await this.service.watchable(kind, { atLeast: Number(parameters.resourceVersion) });
    this.service.watch(actor, kind, parameters, onEvent);
  }

  /** @throws ApiError ServiceUnavailable, and nothing is done, where no write could be committed now */
  checkWritable(): void {
    const { unwritable } = this.service.health;
    if (unwritable !== undefined) throw unavailable(unwritable);
  }

  /** What the server answers, or the broken connection that it leaves when it dies meanwhile. */
  answer<T>(work: () => Promise<T>): Promise<T> {
    if (!this.process.isAlive) return Promise.reject(new ConnectionError('nobody listens'));
    this.#answering += 1;
    return new Promise((resolve, reject) => {
      const forget = this.process.onDeath(() => reject(new ConnectionError('the connection broke')));
      this.#answer(work)
        .then(resolve, reject)
        .finally(() => {
          forget();
          this.#answering -= 1;
          if (this.#answering === 0) this.#onAnswered();
        });
    });
  }

  /** Resolves when what was asked before is answered. */
  async stopListening(): Promise<void> {
    this.isListening = false;
    if (this.#answering === 0) return;
    await new Promise<void>((resolve) => {
      this.#onAnswered = resolve;
    });
  }

  async #answer<T>(work: () => Promise<T>): Promise<T> {
    await this.process.running();
    const answer = await work();
    await this.process.running();
    return answer;
  }
}
