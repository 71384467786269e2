/** A client that knows several servers, and leaves one that does not answer for the next: as `transport.ts` does it over HTTP. */
import {
  type Client,
  ConnectionError,
  type WatchEvent,
  type WatchRequest,
} from '../../../api/client/client.ts';
import { isUndone } from '../../../api/client/failures.ts';
import { isApiError } from '../../../api/errors.ts';
import type { KindName } from '../../../api/kinds/index.ts';
import type { Actor } from '../../../api/store.ts';
import type { Door } from '../door.ts';
import { createLinkedClient, type Link } from '../link.ts';
import type { SimulatedProcess } from '../process.ts';

/** What hangs is asked for a sign of life after 500 ms, and given up a second later. */
const SILENCE_MS = 1_500;
/** A stream may be silent for longer. */
const STREAM_SILENCE_MS = 6_000;

export interface FailoverOptions {
  readonly process: SimulatedProcess;
  readonly link: Link;
  /** Undefined: nothing listens there now. */
  readonly doors: readonly (() => Door | undefined)[];
  readonly authenticate: (door: Door) => Actor;
}

export function createFailoverClient(options: FailoverOptions): Client {
  const servers = new Servers(options);
  return {
    get: (kind, name, read) => servers.ask('read', (client) => client.get(kind, name, read)),
    list: (kind, list) => servers.ask('read', (client) => client.list(kind, list)),
    create: (object, write) => servers.ask('write', (client) => client.create(object, write), write?.signal),
    update: (object, write) => servers.ask('write', (client) => client.update(object, write), write?.signal),
    updateStatus: (object, write) =>
      servers.ask('write', (client) => client.updateStatus(object, write), write?.signal),
    patch: (kind, name, patch, more) =>
      servers.ask('write', (client) => client.patch(kind, name, patch, more), more?.signal),
    delete: (kind, name, more) =>
      servers.ask('write', (client) => client.delete(kind, name, more), more?.signal),
    watch: (kind, asked) => servers.watch(kind, asked),
  };
}

interface Endpoint {
  readonly client: Client;
  readonly door: () => Door | undefined;
  /** Watches that are open there. */
  readonly open: Set<() => void>;
}

class Servers {
  readonly #options: FailoverOptions;
  readonly #endpoints: readonly Endpoint[];
  #current = 0;

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#endpoints = options.doors.map((door) => ({
      client: createLinkedClient({ ...options, server: door }),
      door,
      open: new Set(),
    }));
  }

  /** Asks each server once at most; what might have been done is not asked for again. */
  async ask<T>(
    what: 'read' | 'write',
    call: (client: Client) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const asked = new Set<Endpoint>();
    for (;;) {
      const endpoint = this.#endpoint();
      asked.add(endpoint);
      try {
        return await this.#inTime(endpoint, call(endpoint.client));
      } catch (error) {
        if (signal?.aborted || !this.#moveOn(endpoint, error)) throw error;
        const mayRepeat = what === 'read' || isUndone(error);
        if (!mayRepeat || asked.has(this.#endpoint())) throw error;
      }
    }
  }

  async *watch<K extends KindName>(kind: K, asked: WatchRequest): AsyncGenerator<WatchEvent<K>> {
    const endpoint = this.#endpoint();
    const broken = new AbortController();
    const end = () => broken.abort();
    endpoint.open.add(end);
    const stopLooking = this.#lookAfter(endpoint);
    if (asked.signal?.aborted) end();
    asked.signal?.addEventListener('abort', end, { once: true });
    const { signal } = broken;
    try {
      yield* endpoint.client.watch(kind, { ...asked, signal });
    } catch (error) {
      if (!asked.signal?.aborted) this.#moveOn(endpoint, error);
      throw error;
    } finally {
      asked.signal?.removeEventListener('abort', end);
      stopLooking();
      endpoint.open.delete(end);
    }
    if (!asked.signal?.aborted) throw new ConnectionError('the server does not answer');
  }

  #endpoint(): Endpoint {
    const endpoint = this.#endpoints[this.#current];
    if (!endpoint) throw new RangeError('a client needs a server');
    return endpoint;
  }

  /** @returns whether there is another one to ask */
  #moveOn(endpoint: Endpoint, error: unknown): boolean {
    const isUnready = isApiError(error, 'ServiceUnavailable');
    if (!isUnready && !(error instanceof ConnectionError)) return false;
    if (isUnready && !this.#isReadyElsewhere()) return false;
    this.#leave(endpoint);
    return true;
  }

  #leave(endpoint: Endpoint): void {
    if (this.#endpoint() === endpoint) this.#current = (this.#current + 1) % this.#endpoints.length;
    for (const end of [...endpoint.open]) end();
  }

  /** Who asked may have given up before: that a server is silent is noticed all the same. */
  #inTime<T>(endpoint: Endpoint, answer: Promise<T>): Promise<T> {
    const { clock } = this.#options.process;
    return new Promise((resolve, reject) => {
      let cancel = () => {};
      let isOver = false;
      const look = () => {
        cancel = clock.schedule(SILENCE_MS, () => {
          if (this.#isSilent(endpoint)) {
            this.#leave(endpoint);
            reject(new ConnectionError('the server does not answer'));
            return;
          }
          // It is asked for a sign of life, and says that it cannot do its work.
          if (!isReady(endpoint.door()) && this.#isReadyElsewhere()) this.#leave(endpoint);
          if (!isOver) look();
        });
      };
      look();
      const over = () => {
        isOver = true;
      };
      answer.then(() => cancel(), over);
      answer.then(resolve, reject);
    });
  }

  /** Leaves a server whose streams only seem to be silent. */
  #lookAfter(endpoint: Endpoint): () => void {
    const { clock } = this.#options.process;
    let cancel = () => {};
    const look = () => {
      cancel = clock.schedule(STREAM_SILENCE_MS, () => {
        if (this.#isSilent(endpoint)) this.#leave(endpoint);
        look();
      });
    };
    look();
    return () => cancel();
  }

  #isReadyElsewhere(): boolean {
    return this.#endpoints.some(({ door }) => isReady(door()));
  }

  #isSilent({ door }: Endpoint): boolean {
    return this.#options.link.isCut || door()?.process.isPaused !== false;
  }
}

const isReady = (door: Door | undefined): boolean =>
  door !== undefined && !door.process.isPaused && door.service.health.unwritable === undefined;
