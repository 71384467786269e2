/** One server: requests over kept-alive connections, what is still open there, and whether it lives. */
import {
  type Agent,
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../clock.ts';
import { ConnectionError } from './client.ts';
import { connectionError, StaleConnection, UnsentError } from './failures.ts';
import { connectionOf, OpenRequests, type RequestOptions } from './open-requests.ts';
import { Pulse, type SignOfLife } from './pulse.ts';

/** A connection that went silently is noticed after this and about ten seconds. */
const TCP_KEEP_ALIVE_MS = 5_000;
/** A server that says nothing for so long is gone; a watch may be silent. */
const ANSWER_TIMEOUT_MS = 30_000;

export interface EndpointOptions {
  /** `https://host:port` */
  readonly server: string;
  readonly token?: string | undefined;
  readonly ca?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock: Clock;
  /** Where there are others to go to: called when the server hangs, and when it says that it cannot do its work. */
  readonly onTrouble?: ((trouble: 'silent' | 'unready') => void) | undefined;
}

export class Endpoint {
  readonly server: string;
  readonly #options: EndpointOptions;
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #pulse: Pulse | undefined;
  readonly #open: OpenRequests;

  /** @throws TypeError where `server` is no URL */
  constructor(options: EndpointOptions) {
    const { server, ca, clock, onTrouble } = options;
    this.server = server;
    this.#options = options;
    this.#url = new URL(server);
    const settings = { keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, scheduling: 'lifo' } as const;
    this.#agent = this.#isSecure
      ? new HttpsAgent({ ...settings, ...(ca === undefined ? {} : { ca }) })
      : new HttpAgent(settings);
    this.#pulse =
      onTrouble &&
      new Pulse({
        clock,
        ask: (signal) => this.#signOfLife(signal),
        onSilent: () => onTrouble('silent'),
        onUnready: () => onTrouble('unready'),
      });
    this.#open = new OpenRequests(this.#pulse);
  }

  /** @throws ConnectionError; UnsentError where the server got nothing of it */
  async send(method: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    try {
      return await this.#attempt(method, path, options, body);
    } catch (error) {
      // The server closed an idle connection just when it was used again; a read may simply be sent once more.
      const wasIdle = error instanceof ConnectionError && error.cause instanceof StaleConnection;
      if (!wasIdle || method !== 'GET') throw error;
      return this.#attempt(method, path, options, body);
    }
  }

  /** Undefined where the server does not live. */
  signOfLife(): Promise<SignOfLife | undefined> {
    return this.#pulse?.signOfLife() ?? Promise.resolve('ready');
  }

  /** Ends what is open there with an error; by default all of it. */
  breakOff(error: ConnectionError, which: 'all' | 'resumable' = 'all'): void {
    this.#open.breakOff(error, which);
  }

  close(): void {
    this.#agent.destroy();
  }

  get #isSecure(): boolean {
    return this.#url.protocol === 'https:';
  }

  #attempt(
    method: string,
    path: string,
    options: RequestOptions,
    body: Buffer | undefined,
  ): Promise<IncomingMessage> {
    const signals = [this.#options.signal, options.signal].filter((signal) => signal !== undefined);
    return new Promise((resolve, reject) => {
      if (signals.some((signal) => signal.aborted))
        return reject(new UnsentError('the request was given up'));
      const request = this.#request(method, path, this.#headers(options, body), options.unlimited);
      const giveUp = () => request.destroy(new ConnectionError('the request was given up'));
      for (const signal of signals) signal.addEventListener('abort', giveUp, { once: true });
      this.#open.add(request, options);
      const isConnected = connectionOf(request, this.#isSecure);
      request.once('close', () => {
        for (const signal of signals) signal.removeEventListener('abort', giveUp);
        options.stream?.destroy();
      });
      request.once('response', resolve);
      request.on('error', (cause) => {
        const error = connectionError(this.server, cause, request);
        reject(isConnected() ? error : new UnsentError(error.message, { cause: error.cause ?? error }));
      });
      if (options.stream) request.flushHeaders();
      if (options.stream) options.stream.once('error', (error) => request.destroy(error)).pipe(request);
      else request.end(body);
    });
  }

  #request(
    method: string,
    path: string,
    headers: Record<string, string | number>,
    unlimited = false,
  ): ClientRequest {
    const send = this.#isSecure ? httpsRequest : httpRequest;
    const request = send({
      method,
      hostname: this.#url.hostname.replace(/^\[|\]$/g, ''),
      port: this.#url.port,
      path,
      agent: this.#agent,
      headers,
      ...(unlimited ? {} : { timeout: ANSWER_TIMEOUT_MS }),
    });
    request.once('timeout', () =>
      request.destroy(new ConnectionError(`the server at ${this.server} does not answer`)),
    );
    return request;
  }

  async #signOfLife(signal: AbortSignal): Promise<SignOfLife> {
    const response = await this.send('GET', '/readyz', { signal });
    response.resume();
    return response.statusCode === 200 ? 'ready' : 'unready';
  }

  #headers(
    { accept, contentType, stream }: RequestOptions,
    body: Buffer | undefined,
  ): Record<string, string | number> {
    const { token } = this.#options;
    return {
      accept: accept ?? 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body || stream ? { 'content-type': contentType ?? 'application/json' } : {}),
      ...(body ? { 'content-length': body.length } : {}),
    };
  }
}
