/** The client over HTTP: what the command line, the agents and the gateways use. */
import type { KindName, ObjectOf } from '../kinds/index.ts';
import type { Node } from '../kinds/node.ts';
import type { LogHandler, LogOptions } from '../server/logs.ts';
import type { Table } from '../server/table.ts';
import type { Registration } from '../server/verbs/register.ts';
import type {
  Client,
  DeleteOptions,
  ListOptions,
  ListResult,
  PatchOptions,
  WatchRequest,
  WriteOptions,
} from './client.ts';
import { readLogs, serveLogs } from './http-logs.ts';
import { TABLE, type TableEvent, watch, watchTable } from './http-watch.ts';
import { collectionPath, nameOf, objectPath, queryOf } from './paths.ts';
import { type RequestOptions, Transport, type TransportOptions } from './transport.ts';

const PATCH_TYPES = { merge: 'application/merge-patch+json', json: 'application/json-patch+json' } as const;
/** The client cannot check what a server of its own version sends; the server did. */
type Answered<K extends KindName> = Promise<ObjectOf<K>>;

export type HttpClientOptions = TransportOptions;

export interface TableOptions extends ListOptions {
  /** How much of the object each row carries; its metadata by default. */
  readonly includeObject?: 'None' | 'Metadata' | 'Object';
}

/** A watch whose events are rows. */
export type TableWatchRequest = WatchRequest & Pick<TableOptions, 'includeObject'>;

export interface Registered {
  readonly node: Node;
  /** Told this once. */
  readonly token: string;
}

export interface HttpClient extends Client {
  /** What `mill get` prints: one object, or a list. */
  getTable(kind: KindName, name?: string, options?: TableOptions): Promise<Table>;
  watchTable(kind: KindName, request: TableWatchRequest): AsyncIterable<TableEvent>;
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
