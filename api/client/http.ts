/** The client over HTTP: what the command line, the agents and the gateways use. */
import { Readable } from 'node:stream';
import type { KindName, ObjectOf } from '../kinds/index.ts';
import type { Node } from '../kinds/node.ts';
import type { LogHandler, LogOptions, LogRequest } from '../server/logs.ts';
import type { Table } from '../server/table.ts';
import type { Registration } from '../server/verbs/register.ts';
import {
  type Client,
  ConnectionError,
  type DeleteOptions,
  type ListOptions,
  type ListResult,
  type PatchOptions,
  type WatchEvent,
  type WatchRequest,
  type WriteOptions,
} from './client.ts';
import { readFrames } from './frames.ts';
import { collectionPath, nameOf, objectPath, queryOf } from './paths.ts';
import { type RequestOptions, statusError, Transport, type TransportOptions } from './transport.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const PATCH_TYPES = { merge: 'application/merge-patch+json', json: 'application/json-patch+json' } as const;
/** The client cannot check what a server of its own version sends; the server did. */
type Answered<K extends KindName> = Promise<ObjectOf<K>>;

export type HttpClientOptions = TransportOptions;

export interface TableOptions extends ListOptions {
  /** How much of the object each row carries; its metadata by default. */
  readonly includeObject?: 'None' | 'Metadata' | 'Object';
}

export interface TableEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  /** The object's row. */
  readonly table: Table;
}

export interface Registered {
  readonly node: Node;
  /** Told this once. */
  readonly token: string;
}

export interface HttpClient extends Client {
  /** What `mill get` prints: one object, or a list. */
  getTable(kind: KindName, name?: string, options?: TableOptions): Promise<Table>;
  watchTable(kind: KindName, request: WatchRequest & TableOptions): AsyncIterable<TableEvent>;
  /** Lets a machine join under a name. */
  register(node: string, registration?: Registration, options?: WriteOptions): Promise<Registered>;
  /** An alloc's output, as its agent has it. */
  logs(alloc: string, options?: LogOptions & { readonly signal?: AbortSignal }): AsyncIterable<Buffer>;
  /**
   * Answers requests for the logs of a node, for its agent, as long as the connection lasts.
   * @throws ConnectionError when the connection breaks; ends with the signal
   */
  serveLogs(node: string, handler: LogHandler, signal: AbortSignal): Promise<void>;
  /** Any request of the API: its answer's JSON. */
  request(method: string, path: string, options?: RequestOptions): Promise<unknown>;
  /** Lets go of the kept-alive connections. */
  close(): void;
}

/** @throws TypeError where `server` is no URL */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const transport = new Transport(options);
  const send = <K extends KindName>(
    method: string,
    path: string,
    body: unknown,
    { dryRun, signal }: WriteOptions,
  ) => transport.json(method, path + queryOf({ dryRun: dryRun && 'All' }), { body, signal }) as Answered<K>;
  return {
    // Every method is async, so that what is wrong with its arguments rejects, too.
    get: async <K extends KindName>(kind: K, name: string) =>
      transport.json('GET', objectPath(kind, name)) as Answered<K>,
    list: async (kind, list = {}) =>
      listOf(await transport.json('GET', collectionPath(kind) + queryOf({ ...list }))),
    create: async (object, write = {}) => send('POST', collectionPath(object.kind), object, write),
    update: async (object, write = {}) => send('PUT', objectPath(object.kind, nameOf(object)), object, write),
    updateStatus: async (object, write = {}) =>
      send('PUT', objectPath(object.kind, nameOf(object), 'status'), object, write),
    patch: (kind, name, patch, patchOptions = {}) => patchObject(transport, kind, name, patch, patchOptions),
    delete: (kind, name, deleteOptions = {}) => deleteObject(transport, kind, name, deleteOptions),
    watch: (kind, request) => watch(transport, kind, request),
    getTable: async (kind, name, { ...query } = {}) => {
      const path = name === undefined ? collectionPath(kind) : objectPath(kind, name);
      return (await transport.json('GET', path + queryOf(query), { accept: TABLE })) as Table;
    },
    watchTable: (kind, request) => watchTable(transport, kind, request),
    register: async (node, registration = {}, { dryRun, signal } = {}) => {
      const path = objectPath('Node', node, 'register') + queryOf({ dryRun: dryRun && 'All' });
      return (await transport.json('POST', path, { body: registration, signal })) as Registered;
    },
    logs: (alloc, logOptions = {}) => readLogs(transport, alloc, logOptions),
    serveLogs: (node, handler, signal) => serveLogs(transport, node, handler, signal),
    request: (method, path, request) => transport.json(method, path, request),
    close: () => transport.close(),
  };
}

function listOf<K extends KindName>(answer: unknown): ListResult<K> {
  const { items, metadata } = answer as {
    items: ObjectOf<K>[];
    metadata: { resourceVersion: string; continue?: string };
  };
  return { items, ...metadata };
}

async function patchObject<K extends KindName>(
  transport: Transport,
  kind: K,
  name: string,
  patch: unknown,
  { dryRun, signal, subresource, type = 'merge' }: PatchOptions,
): Promise<ObjectOf<K>> {
  const path = objectPath(kind, name, subresource) + queryOf({ dryRun: dryRun && 'All' });
  return transport.json('PATCH', path, {
    body: patch,
    contentType: PATCH_TYPES[type],
    signal,
  }) as Answered<K>;
}

async function deleteObject(
  transport: Transport,
  kind: KindName,
  name: string,
  { dryRun, signal, uid, resourceVersion }: DeleteOptions,
): Promise<void> {
  const preconditions = { uid, resourceVersion };
  const path = objectPath(kind, name) + queryOf({ dryRun: dryRun && 'All' });
  await transport.json('DELETE', path, {
    body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions },
    signal,
  });
}

interface Frame {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
}

async function* watch<K extends KindName>(
  transport: Transport,
  kind: K,
  request: WatchRequest,
): AsyncGenerator<WatchEvent<K>> {
  for await (const { type, object } of watchFrames(transport, kind, request, 'application/json')) {
    if (type === 'BOOKMARK') {
      const { metadata } = object as { metadata: { resourceVersion: string } };
      yield { type, resourceVersion: metadata.resourceVersion };
    } else {
      yield { type, object: object as ObjectOf<K> };
    }
  }
}

async function* watchTable(
  transport: Transport,
  kind: KindName,
  request: WatchRequest & TableOptions,
): AsyncGenerator<TableEvent> {
  for await (const { type, object } of watchFrames(transport, kind, request, TABLE)) {
    yield { type, table: object as Table };
  }
}

async function* watchFrames(
  transport: Transport,
  kind: KindName,
  { signal, bookmarks, ...query }: WatchRequest,
  accept: string,
): AsyncGenerator<Frame> {
  const path = collectionPath(kind) + queryOf({ watch: true, allowWatchBookmarks: bookmarks, ...query });
  yield* stream(signal, `the watch of ${kind} ended`, async function* () {
    for await (const frame of readFrames(
      await transport.open('GET', path, { accept, unlimited: true, signal }),
    )) {
      const { type, object } = frame as { type: Frame['type'] | 'ERROR'; object: unknown };
      if (type === 'ERROR') throw statusError(object) ?? new ConnectionError('the server ended the watch');
      yield { type, object };
    }
  });
}

/** A stream that ends only with the signal: any other end is a broken connection. */
async function* stream<T>(
  signal: AbortSignal | undefined,
  ended: string,
  open: () => AsyncIterable<T>,
): AsyncGenerator<T> {
  try {
    for await (const value of open()) {
      if (signal?.aborted) return;
      yield value;
    }
  } catch (error) {
    if (signal?.aborted) return;
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') {
      throw new ConnectionError(`${ended}: the connection broke`, { cause: error });
    }
    throw error;
  }
  if (!signal?.aborted) throw new ConnectionError(`${ended}: the server closed the connection`);
}

async function* readLogs(
  transport: Transport,
  alloc: string,
  { signal, ...options }: LogOptions & { readonly signal?: AbortSignal },
): AsyncGenerator<Buffer> {
  const path = objectPath('Alloc', alloc, 'log') + queryOf({ ...options });
  try {
    const unlimited = options.follow === true;
    yield* (await transport.open('GET', path, { accept: '*/*', unlimited, signal })) as AsyncIterable<Buffer>;
  } catch (error) {
    if (signal?.aborted) return;
    if (error instanceof Error && 'code' in error && !('reason' in error)) {
      throw new ConnectionError(`the log of ${alloc} broke off`, { cause: error });
    }
    throw error;
  }
}

async function serveLogs(
  transport: Transport,
  node: string,
  handler: LogHandler,
  signal: AbortSignal,
): Promise<void> {
  const path = objectPath('Node', node, 'logrequests');
  const requests = stream(signal, 'the requests for logs ended', async function* () {
    yield* readFrames(await transport.open('GET', path, { unlimited: true, signal }));
  });
  for await (const request of requests) {
    // Beside each other: a log that is followed has no end.
    void answerLog(
      transport,
      `${path}/${(request as LogRequest).id}`,
      request as LogRequest,
      handler,
      signal,
    );
  }
}

/** What fails here is told to the client that asked; where it has gone as well, nobody is left to tell. */
async function answerLog(
  transport: Transport,
  path: string,
  { alloc, follow, tailLines }: LogRequest,
  handler: LogHandler,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const chunks = handler(alloc, { follow, tailLines, signal: stop.signal })[Symbol.asyncIterator]();
    const first = await chunks.next();
    const body = Readable.from(from(first, chunks), { objectMode: false });
    await transport.json('POST', path, { stream: body, contentType: 'text/plain', unlimited: true, signal });
  } catch (error) {
    const message = `the log of ${alloc} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    const status = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      reason: 'ServiceUnavailable',
      message,
    };
    await transport.json('POST', path, { body: status, signal }).catch(() => {});
  } finally {
    stop.abort();
    signal.removeEventListener('abort', onAbort);
  }
}

/** The first chunk is read before the answer begins, so that a failure can still be told as one. */
async function* from(
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (let next = first; !next.done; next = await rest.next()) yield next.value;
}
