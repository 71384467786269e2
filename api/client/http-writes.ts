/** Writes over HTTP. What they answer is remembered, so that no later read is older. */
import type { KindName, ObjectOf } from '../kinds/index.ts';
import type { DeleteOptions, PatchOptions, WriteOptions, Written } from './client.ts';
import type { HttpReads } from './http-reads.ts';
import type { RequestOptions } from './open-requests.ts';
import { collectionPath, nameOf, objectPath, queryOf } from './paths.ts';
import type { Transport } from './transport.ts';

const PATCH_TYPES = { merge: 'application/merge-patch+json', json: 'application/json-patch+json' } as const;
/** The client cannot check what a server of its own version sends; the server did. */
type Answered<K extends KindName> = Promise<ObjectOf<K>>;

/** Every method is async, so that what is wrong with its arguments rejects, too. */
export class HttpWrites {
  readonly #transport: Transport;
  readonly #reads: HttpReads;

  constructor(transport: Transport, reads: HttpReads) {
    this.#transport = transport;
    this.#reads = reads;
  }

  async create<K extends KindName>(object: Written<K>, options: WriteOptions = {}): Answered<K> {
    return this.#send('POST', object.kind, collectionPath(object.kind), { body: object }, options);
  }

  async update<K extends KindName>(object: Written<K>, options: WriteOptions = {}): Answered<K> {
    const path = objectPath(object.kind, nameOf(object));
    return this.#send('PUT', object.kind, path, { body: object }, options);
  }

  async updateStatus<K extends KindName>(object: Written<K>, options: WriteOptions = {}): Answered<K> {
    const path = objectPath(object.kind, nameOf(object), 'status');
    return this.#send('PUT', object.kind, path, { body: object }, options);
  }

  async patch<K extends KindName>(
    kind: K,
    name: string,
    patch: unknown,
    { subresource, type = 'merge', ...options }: PatchOptions = {},
  ): Answered<K> {
    const request = { body: patch, contentType: PATCH_TYPES[type] };
    return this.#send('PATCH', kind, objectPath(kind, name, subresource), request, options);
  }

  async delete(
    kind: KindName,
    name: string,
    { uid, resourceVersion, ...options }: DeleteOptions = {},
  ): Promise<void> {
    const preconditions = { uid, resourceVersion };
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions };
    await this.#send('DELETE', kind, objectPath(kind, name), { body }, options);
  }

  async #send<K extends KindName>(
    method: string,
    kind: K,
    path: string,
    request: RequestOptions,
    { dryRun, signal }: WriteOptions,
  ): Answered<K> {
    const query = queryOf({ dryRun: dryRun && 'All' });
    const answer = await this.#transport.json(method, path + query, { ...request, signal });
    this.#reads.note(kind, answer);
    return answer as ObjectOf<K>;
  }
}
