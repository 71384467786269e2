/** Requests to one server over kept-alive connections; what goes wrong becomes an ApiError or a ConnectionError. */
import { type Agent, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { ConnectionError } from './client.ts';
import { connectionError, errorOf, StaleConnection } from './failures.ts';

/** A connection that went silently is noticed after this and about ten seconds. */
const TCP_KEEP_ALIVE_MS = 5_000;
/** A server that says nothing for so long is gone; a watch may be silent. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Largest error that is read whole. */
const MAX_ERROR_BYTES = 1_048_576;

export interface TransportOptions {
  /** `https://host:port` */
  readonly server: string;
  readonly token?: string | undefined;
  /** PEM of the authority that signed the server's certificate. */
  readonly ca?: string | undefined;
  /** Ends everything. */
  readonly signal?: AbortSignal | undefined;
}

export interface RequestOptions {
  /** A value is sent as JSON, a stream as it is. */
  readonly body?: unknown;
  readonly stream?: Readable;
  readonly contentType?: string;
  readonly accept?: string;
  /** The answer may be silent for any time. */
  readonly unlimited?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #url: URL;
  readonly #agent: Agent;

  /** @throws TypeError where `server` is no URL */
  constructor(options: TransportOptions) {
    this.#options = options;
    this.#url = new URL(options.server);
    const settings = { keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, scheduling: 'lifo' } as const;
    this.#agent = this.#isSecure
      ? new HttpsAgent({ ...settings, ...(options.ca === undefined ? {} : { ca: options.ca }) })
      : new HttpAgent(settings);
  }

  get #isSecure(): boolean {
    return this.#url.protocol === 'https:';
  }

  /** The answer's JSON. @throws ApiError, ConnectionError */
  async json(method: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    const text = await readText(
      await this.open(method, path, options),
      Number.POSITIVE_INFINITY,
      this.#options.server,
    );
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new ConnectionError(`what answers at ${this.#options.server} is no mill server`, { cause });
    }
  }

  /** The answer, to be read by the caller. @throws ApiError where the server refuses; ConnectionError */
  async open(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    const response = await this.#send(method, path, options);
    if ((response.statusCode ?? 500) < 400) return response;
    throw errorOf(
      response.statusCode ?? 500,
      await readText(response, MAX_ERROR_BYTES, this.#options.server),
    );
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(method: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
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

  #attempt(
    method: string,
    path: string,
    options: RequestOptions,
    body: Buffer | undefined,
  ): Promise<IncomingMessage> {
    const { server, signal: all } = this.#options;
    const signals = [all, options.signal].filter((signal) => signal !== undefined);
    return new Promise((resolve, reject) => {
      if (signals.some((signal) => signal.aborted))
        return reject(new ConnectionError('the request was given up'));
      const send = this.#isSecure ? httpsRequest : httpRequest;
      const request = send({
        method,
        hostname: this.#url.hostname.replace(/^\[|\]$/g, ''),
        port: this.#url.port,
        path,
        agent: this.#agent,
        headers: this.#headers(options, body),
        ...(options.unlimited ? {} : { timeout: ANSWER_TIMEOUT_MS }),
      });
      const giveUp = () => request.destroy(new ConnectionError('the request was given up'));
      for (const signal of signals) signal.addEventListener('abort', giveUp, { once: true });
      request.once('close', () => {
        for (const signal of signals) signal.removeEventListener('abort', giveUp);
        options.stream?.destroy();
      });
      request.once('timeout', () =>
        request.destroy(new ConnectionError(`the server at ${server} does not answer`)),
      );
      request.once('response', resolve);
      request.on('error', (error) => reject(connectionError(server, error, request)));
      if (options.stream) request.flushHeaders();
      if (options.stream) options.stream.once('error', (error) => request.destroy(error)).pipe(request);
      else request.end(body);
    });
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

async function readText(response: IncomingMessage, maxBytes: number, server: string): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw new ConnectionError(`the server at ${server} answers too much`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof ConnectionError) throw cause;
    throw new ConnectionError(`the connection to ${server} broke while it answered`, { cause });
  }
  return Buffer.concat(chunks).toString();
}
