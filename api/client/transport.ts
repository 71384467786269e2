/**
 * Requests to one of several servers. One that does not answer, or says that it cannot do its work now, is left for
 * the next, and the client stays there; what goes wrong becomes an ApiError or a ConnectionError.
 */
import type { IncomingMessage } from 'node:http';
import { type Clock, systemClock } from '../clock.ts';
import { isApiError } from '../errors.ts';
import { isStale, readText, warningIn } from './answers.ts';
import { ConnectionError } from './client.ts';
import { Endpoint } from './endpoint.ts';
import { errorOf, isRevisionTooLarge, isUndone, StaleConnection } from './failures.ts';
import type { RequestOptions } from './open-requests.ts';

/** Largest error that is read whole. */
const MAX_ERROR_BYTES = 1_048_576;
/** Where no server was ready, none is looked for again so soon: one that is asked in vain answers itself. */
const SEARCH_PAUSE_MS = 1_000;

/** Read from a copy that may be stale, while another server is ready: the answer is dropped. */
class BetterElsewhere extends Error {}

export interface TransportOptions {
  /** `https://host:port`; of several the first one that answers. */
  readonly server: string | readonly string[];
  readonly token?: string | undefined;
  /** PEM of the authority that signed the servers' certificates. */
  readonly ca?: string | undefined;
  /** Ends everything. */
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  /** Told what an answer's `Warning` says. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

export class Transport {
  readonly clock: Clock;
  readonly #options: TransportOptions;
  readonly #endpoints: readonly Endpoint[];
  #current: Endpoint;
  #search: Promise<Endpoint | undefined> | undefined;
  #searchedMs = Number.NEGATIVE_INFINITY;

  /** @throws TypeError where a server is no URL, or none is given */
  constructor(options: TransportOptions) {
    const { server, token, ca, signal, clock = systemClock } = options;
    const servers = typeof server === 'string' ? [server] : server;
    this.#options = options;
    this.clock = clock;
    this.#endpoints = servers.map((url) => {
      const endpoint: Endpoint = new Endpoint({
        server: url,
        token,
        ca,
        signal,
        clock,
        ...(servers.length > 1 ? { onTrouble: (trouble) => this.#onTrouble(endpoint, trouble) } : {}),
      });
      return endpoint;
    });
    const [first] = this.#endpoints;
    if (!first) throw new TypeError('a client needs the URL of a server');
    this.#current = first;
  }

  get hasSeveral(): boolean {
    return this.#endpoints.length > 1;
  }

  /** The answer's JSON. @throws ApiError, ConnectionError */
  json(method: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    return this.#ask(method, options, async (endpoint, asked) => {
      const { server } = endpoint;
      const response = await this.#answer(endpoint, asked, method, path, options);
      const text = await readText(response, Number.POSITIVE_INFINITY, server);
      try {
        return JSON.parse(text);
      } catch (cause) {
        throw new ConnectionError(`what answers at ${server} is no mill server`, { cause });
      }
    });
  }

  /** The answer, to be read by the caller. @throws ApiError where the server refuses; ConnectionError */
  open(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    return this.#ask(method, options, (endpoint, asked) =>
      this.#answer(endpoint, asked, method, path, options),
    );
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  /** Asks each server once at most. What might have been done is not asked for again. */
  async #ask<T>(
    method: string,
    options: RequestOptions,
    ask: (endpoint: Endpoint, asked: ReadonlySet<Endpoint>) => Promise<T>,
  ): Promise<T> {
    const asked = new Set<Endpoint>();
    for (;;) {
      const endpoint = this.#current;
      asked.add(endpoint);
      try {
        return await ask(endpoint, asked);
      } catch (error) {
        if (error instanceof BetterElsewhere) continue;
        if (!(await this.#moveOn(endpoint, error, options))) throw error;
        const mayRepeat = (method === 'GET' || isUndone(error)) && options.stream === undefined;
        if (!mayRepeat || asked.has(this.#current)) throw error;
      }
    }
  }

  async #answer(
    endpoint: Endpoint,
    asked: ReadonlySet<Endpoint>,
    method: string,
    path: string,
    options: RequestOptions,
  ): Promise<IncomingMessage> {
    const response = await endpoint.send(method, path, options);
    const code = response.statusCode ?? 500;
    if (code >= 400) throw errorOf(code, await readText(response, MAX_ERROR_BYTES, endpoint.server));
    if (isStale(response) && (await this.#leaveUnready(endpoint)) && !asked.has(this.#current)) {
      response.destroy();
      throw new BetterElsewhere();
    }
    const warning = warningIn(response);
    if (warning !== undefined) this.#options.onWarning?.(warning);
    return response;
  }

  /** @returns whether there is another server to ask, where this one is the trouble */
  async #moveOn(endpoint: Endpoint, error: unknown, { signal }: RequestOptions): Promise<boolean> {
    if (this.#endpoints.length === 1 || signal?.aborted || this.#options.signal?.aborted) return false;
    // A store that is cut off says 503, or 504 where it does not know what became of the write.
    const isCutOff = isApiError(error, 'ServiceUnavailable') || isApiError(error, 'Timeout');
    if (isCutOff && !isRevisionTooLarge(error)) return this.#leaveUnready(endpoint);
    if (!(error instanceof ConnectionError)) return false;
    // An idle connection that was closed says nothing about its server.
    if (error.cause instanceof StaleConnection) return false;
    this.#leave(endpoint, error);
    return true;
  }

  #onTrouble(endpoint: Endpoint, trouble: 'silent' | 'unready'): void {
    if (trouble === 'unready') void this.#leaveUnready(endpoint);
    else this.#leave(endpoint, new ConnectionError(`the server at ${endpoint.server} does not answer`));
  }

  /** The server is dead: so is all that is open there. */
  #leave(endpoint: Endpoint, error: ConnectionError): void {
    if (this.#current === endpoint) {
      const next = (this.#endpoints.indexOf(endpoint) + 1) % this.#endpoints.length;
      this.#current = this.#endpoints[next] ?? endpoint;
    }
    endpoint.breakOff(error);
  }

  /** The server lives, and others may do better: only where one is ready, the client and its watches go there. */
  async #leaveUnready(endpoint: Endpoint): Promise<boolean> {
    if (this.#current !== endpoint) return true;
    const ready = await this.#findReady(endpoint);
    if (!ready) return false;
    if (this.#current === endpoint) this.#current = ready;
    const { server } = endpoint;
    endpoint.breakOff(new ConnectionError(`the server at ${server} cannot do its work now`), 'resumable');
    return true;
  }

  /** The first other server that says that it is ready. */
  #findReady(left: Endpoint): Promise<Endpoint | undefined> {
    if (!this.#search && this.clock.now() - this.#searchedMs < SEARCH_PAUSE_MS)
      return Promise.resolve(undefined);
    this.#search ??= firstReady(this.#endpoints.filter((other) => other !== left)).finally(() => {
      this.#search = undefined;
    });
    return this.#search.then((found) => {
      if (!found) this.#searchedMs = this.clock.now();
      return found;
    });
  }
}

async function firstReady(endpoints: readonly Endpoint[]): Promise<Endpoint | undefined> {
  const answers = endpoints.map(async (endpoint) => {
    if ((await endpoint.signOfLife()) !== 'ready')
      throw new ConnectionError(`${endpoint.server} is not ready`);
    return endpoint;
  });
  return Promise.any(answers).catch(() => undefined);
}
