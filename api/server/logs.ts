/**
 * Brings the logs of allocs from the agents that have them to the clients that ask. An agent in this process is
 * called; any other holds a watch on the requests for its node and sends each answer as a request of its own.
 */

import type { Clock } from '../clock.ts';
import { ApiError, notFound } from '../errors.ts';
import { type Identities, randomIdentities } from './identities.ts';

/** How long an agent may take until its answer begins. */
const ANSWER_TIMEOUT_MS = 10_000;
/** Requests that may wait for the agent of one node to begin its answer. */
const MAX_WAITING_PER_NODE = 64;

export interface LogOptions {
  readonly follow?: boolean | undefined;
  /** Only the last lines of what is there; all of it where absent. */
  readonly tailLines?: number | undefined;
}

/** What an agent is asked. */
export interface LogRequest extends LogOptions {
  readonly id: string;
  readonly alloc: string;
}

export type LogHandler = (
  alloc: string,
  options: LogOptions & { readonly signal: AbortSignal },
) => AsyncIterable<Uint8Array>;

interface Waiting {
  readonly node: string;
  readonly signal: AbortSignal;
  resolve(body: AsyncIterable<Uint8Array>): void;
  reject(error: unknown): void;
}

export class LogBroker {
  readonly #clock: Clock;
  readonly #identities: Identities;
  readonly #handlers = new Map<string, LogHandler>();
  readonly #agents = new Map<string, Set<(request: LogRequest) => void>>();
  readonly #waiting = new Map<string, Waiting>();

  constructor(options: { readonly clock: Clock; readonly identities?: Identities }) {
    this.#clock = options.clock;
    this.#identities = options.identities ?? randomIdentities;
  }

  /** Has an agent of this process answer for its node. @returns what ends that */
  serve(node: string, handler: LogHandler): () => void {
    this.#handlers.set(node, handler);
    return () => {
      if (this.#handlers.get(node) === handler) this.#handlers.delete(node);
    };
  }

  /** Tells an agent elsewhere what is asked of its node, until the signal aborts. */
  attach(node: string, onRequest: (request: LogRequest) => void, signal: AbortSignal): void {
    const agents = this.#agents.get(node) ?? new Set();
    agents.add(onRequest);
    this.#agents.set(node, agents);
    signal.addEventListener('abort', () => {
      agents.delete(onRequest);
      if (agents.size === 0 && this.#agents.get(node) === agents) this.#agents.delete(node);
    });
  }

  /**
   * Asks the agent of `node` for an alloc's log.
   * @param signal aborts when the client has gone
   * @throws ApiError ServiceUnavailable where the agent is not there; what the agent answers in its place
   */
  async open(
    node: string,
    alloc: string,
    options: LogOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const handler = this.#handlers.get(node);
    if (handler) return handler(alloc, { ...options, signal });
    // The last one to come: the others may be connections that broke and do not know it yet.
    const agent = [...(this.#agents.get(node) ?? [])].at(-1);
    if (!agent)
      throw unavailable(`the agent of node "${node}" is not connected: its logs cannot be read now`);
    const waiting = [...this.#waiting.values()].filter((other) => other.node === node).length;
    if (waiting >= MAX_WAITING_PER_NODE) {
      throw new ApiError('TooManyRequests', `the agent of node "${node}" is asked for too many logs at once`);
    }
    return this.#ask(node, agent, { id: this.#identities.uid(), alloc, ...options }, signal);
  }

  /**
   * An agent's answer to a request. Resolves when the client has read it, or has gone.
   * @throws ApiError NotFound where nobody waits for it any more
   */
  async answer(node: string, id: string, body: AsyncIterable<Uint8Array>): Promise<void> {
    const waiting = this.#take(node, id);
    await new Promise<void>((done) => {
      waiting.signal.addEventListener('abort', () => done(), { once: true });
      waiting.resolve(relay(body, done));
    });
  }

  /** An agent has no answer. @throws ApiError NotFound where nobody waits for it any more */
  refuse(node: string, id: string, error: ApiError): void {
    this.#take(node, id).reject(error);
  }

  #ask(
    node: string,
    agent: (request: LogRequest) => void,
    request: LogRequest,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    return new Promise((resolve, reject) => {
      const { id } = request;
      const give = (settle: () => void) => {
        cancel();
        signal.removeEventListener('abort', onAbort);
        this.#waiting.delete(id);
        settle();
      };
      const fail = (message: string) => give(() => reject(unavailable(message)));
      const onAbort = () => fail('the client has gone');
      const cancel = this.#clock.schedule(ANSWER_TIMEOUT_MS, () =>
        fail(`the agent of node "${node}" did not answer within ${ANSWER_TIMEOUT_MS / 1_000} s`),
      );
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(id, {
        node,
        signal,
        resolve: (body) => give(() => resolve(body)),
        reject: (error) => give(() => reject(error)),
      });
      agent(request);
    });
  }

  #take(node: string, id: string): Waiting {
    const waiting = this.#waiting.get(id);
    // An agent answers for its own node only.
    if (waiting?.node !== node) throw notFound('LogRequest', id);
    return waiting;
  }
}

async function* relay(body: AsyncIterable<Uint8Array>, done: () => void): AsyncIterable<Uint8Array> {
  try {
    yield* body;
  } finally {
    done();
  }
}

const unavailable = (message: string): ApiError => new ApiError('ServiceUnavailable', message);
