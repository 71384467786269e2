/**
 * The typed client: everything that changes or reads objects, the CLI, the agents and the controllers alike.
 * Two transports stand behind it: HTTP, and a direct call for what runs in the server's own process.
 */
import { isApiError } from '../errors.ts';
import type { KindName, ObjectOf } from '../kinds/index.ts';
import type { WrittenMeta } from '../meta.ts';

/** An object as a client writes it; defaults and server-set fields may be left out. */
export interface Written<K extends KindName = KindName> {
  readonly apiVersion?: string;
  readonly kind: K;
  readonly metadata: WrittenMeta;
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** How new a read must be, where there are several servers with a copy each. By default: as new as the server's copy. */
export interface ReadOptions {
  /** At least as new as this revision of the kind. */
  readonly resourceVersion?: string;
  /** Shows all that any server has acknowledged before. */
  readonly consistency?: 'linearizable';
  readonly signal?: AbortSignal;
}

export interface ListOptions extends ReadOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Page size; the whole list where absent. */
  readonly limit?: number;
  readonly continue?: string;
}

export interface ListResult<K extends KindName> {
  readonly items: readonly ObjectOf<K>[];
  /** Revision of the list: watch from here. */
  readonly resourceVersion: string;
  readonly continue?: string;
}

export interface WriteOptions {
  /** Checks everything, writes nothing, answers what would be. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface DeleteOptions extends WriteOptions {
  /** Refused with Conflict where the object has another uid. */
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export interface PatchOptions extends WriteOptions {
  readonly subresource?: 'status';
  /** `merge`: RFC 7386 (default); `json`: RFC 6902. */
  readonly type?: 'merge' | 'json';
}

export interface WatchRequest {
  readonly resourceVersion: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** BOOKMARK events carry the revision up to which everything was delivered. */
  readonly bookmarks?: boolean;
  readonly signal?: AbortSignal;
}

export type WatchEvent<K extends KindName> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: ObjectOf<K> }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** All methods throw ApiError; where the server cannot be reached, a ConnectionError. */
export interface Client {
  get<K extends KindName>(kind: K, name: string, options?: ReadOptions): Promise<ObjectOf<K>>;
  list<K extends KindName>(kind: K, options?: ListOptions): Promise<ListResult<K>>;
  create<K extends KindName>(object: Written<K>, options?: WriteOptions): Promise<ObjectOf<K>>;
  /** Replaces spec and metadata; revision-checked where `metadata.resourceVersion` is set. */
  update<K extends KindName>(object: Written<K>, options?: WriteOptions): Promise<ObjectOf<K>>;
  /** Replaces the status only; revision-checked where `metadata.resourceVersion` is set. */
  updateStatus<K extends KindName>(object: Written<K>, options?: WriteOptions): Promise<ObjectOf<K>>;
  /** A `metadata.resourceVersion` in a merge patch makes it revision-checked. */
  patch<K extends KindName>(
    kind: K,
    name: string,
    patch: unknown,
    options?: PatchOptions,
  ): Promise<ObjectOf<K>>;
  /** Resolves when deletion is committed (or asked for, where finalizers wait). @throws NotFound */
  delete<K extends KindName>(kind: K, name: string, options?: DeleteOptions): Promise<void>;
  /** Every change after the revision. Ends with the signal. @throws ApiError Expired; ConnectionError when the stream breaks */
  watch<K extends KindName>(kind: K, request: WatchRequest): AsyncIterable<WatchEvent<K>>;
}

/** The server could not be reached, or the connection broke; whether a write was done is not known. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/** Deletes, taking absence for success. */
export async function deleteIfPresent<K extends KindName>(
  client: Client,
  kind: K,
  name: string,
  options: DeleteOptions = {},
): Promise<void> {
  try {
    await client.delete(kind, name, options);
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
