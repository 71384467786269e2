/** A client whose lists and watches the test holds in its hands. */
import {
  type Client,
  ConnectionError,
  type ListOptions,
  type WatchEvent,
  type WatchRequest,
} from '../../../api/client/client.ts';
import type { AnyObject, KindName, ObjectOf } from '../../../api/kinds/index.ts';

export class ScriptedWatch {
  readonly request: WatchRequest;
  readonly #waiting: (WatchEvent<KindName> | Error)[] = [];
  #wake = () => {};

  constructor(request: WatchRequest) {
    this.request = request;
    request.signal?.addEventListener('abort', () => this.#wake());
  }

  send(...events: WatchEvent<KindName>[]): void {
    this.#waiting.push(...events);
    this.#wake();
  }

  fail(error: Error = new ConnectionError('the connection broke')): void {
    this.#waiting.push(error);
    this.#wake();
  }

  async *events(): AsyncGenerator<WatchEvent<KindName>> {
    while (!this.request.signal?.aborted) {
      const next = this.#waiting.shift();
      if (next instanceof Error) throw next;
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

export class ScriptedServer {
  items: AnyObject[] = [];
  revision = 0;
  /** Thrown by the next list. */
  listError: Error | undefined;
  /** Thrown by every list that asks for the newest. */
  newestError: Error | undefined;
  lists = 0;
  /** What the last list was asked with. */
  listed: ListOptions = {};
  readonly watches: ScriptedWatch[] = [];

  get watch(): ScriptedWatch {
    const last = this.watches.at(-1);
    if (!last) throw new Error('nobody watches');
    return last;
  }

  get client(): Client {
    const client = {
      list: async (_kind: KindName, options: ListOptions) => {
        this.lists += 1;
        this.listed = options;
        const error = this.listError;
        this.listError = undefined;
        if (error) throw error;
        if (this.newestError && options.consistency === 'linearizable') throw this.newestError;
        return { items: this.items, resourceVersion: String(this.revision) };
      },
      watch: (_kind: KindName, request: WatchRequest) => {
        const watch = new ScriptedWatch(request);
        this.watches.push(watch);
        return watch.events();
      },
    };
    return client as unknown as Client;
  }
}

export const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: AnyObject): WatchEvent<KindName> => ({
  type,
  object: object as ObjectOf<KindName>,
});
