/** The client over HTTP: what the command line, the agents and the gateways use. */
import type { KindName, ObjectOf } from '../kinds/index.ts';
import type { Node } from '../kinds/node.ts';
import type { LogHandler, LogOptions } from '../server/logs.ts';
import type { Table } from '../server/table.ts';
import type { Registration } from '../server/verbs/register.ts';
import type { Client, ListOptions, ListResult, ReadOptions, WatchRequest, WriteOptions } from './client.ts';
import { type BackupOptions, readBackup } from './http-backup.ts';
import { readLogs, serveLogs } from './http-logs.ts';
import { HttpReads } from './http-reads.ts';
import { TABLE, type TableEvent, watch, watchTable } from './http-watch.ts';
import { HttpWrites } from './http-writes.ts';
import type { RequestOptions } from './open-requests.ts';
import { collectionPath, objectPath, queryOf } from './paths.ts';
import { Transport, type TransportOptions } from './transport.ts';

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
  /** Everything in the store as of one revision, as `api/backup/` has it. */
  backup(options?: BackupOptions): AsyncIterable<Uint8Array>;
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

/** @throws TypeError where a server is no URL */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const transport = new Transport(options);
  const reads = new HttpReads(transport);
  const writes = new HttpWrites(transport, reads);
  return {
    // Every method is async, so that what is wrong with its arguments rejects, too.
    get: async <K extends KindName>(kind: K, name: string, point: ReadOptions = {}) =>
      reads.json(kind, objectPath(kind, name), point) as Promise<ObjectOf<K>>,
    list: async (kind, options = {}) => listOf(await reads.json(kind, collectionPath(kind), options)),
    create: (object, options) => writes.create(object, options),
    update: (object, options) => writes.update(object, options),
    updateStatus: (object, options) => writes.updateStatus(object, options),
    patch: (kind, name, patch, options) => writes.patch(kind, name, patch, options),
    delete: (kind, name, options) => writes.delete(kind, name, options),
    watch: (kind, request) => watch(transport, kind, request, (revision) => reads.saw(kind, revision)),
    getTable: async (kind, name, options = {}) => {
      const path = name === undefined ? collectionPath(kind) : objectPath(kind, name);
      return (await reads.json(kind, path, options, TABLE)) as Table;
    },
    watchTable: (kind, request) => watchTable(transport, kind, request),
    register: async (node, registration = {}, { dryRun, signal } = {}) => {
      const path = objectPath('Node', node, 'register') + queryOf({ dryRun: dryRun && 'All' });
      return (await transport.json('POST', path, { body: registration, signal })) as Registered;
    },
    logs: (alloc, logOptions = {}) => readLogs(transport, alloc, logOptions),
    backup: (backupOptions = {}) => readBackup(transport, backupOptions),
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
