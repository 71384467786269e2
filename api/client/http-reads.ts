/**
 * Reads over HTTP that never go back: what a client has seen at one server, it asks of the next one as well, which
 * waits until its own copy is as new.
 */
import type { KindName } from '../kinds/index.ts';
import type { ListOptions } from './client.ts';
import { isRevisionTooLarge } from './failures.ts';
import { queryOf } from './paths.ts';
import type { Transport } from './transport.ts';

type Query = ListOptions & { readonly includeObject?: string };

export class HttpReads {
  readonly #transport: Transport;
  /** Revisions are compared within a kind only. */
  readonly #newest = new Map<KindName, number>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The answer's JSON. @throws ApiError, ConnectionError */
  async json(
    kind: KindName,
    path: string,
    { signal, ...query }: Query = {},
    accept?: string,
  ): Promise<unknown> {
    const options = { signal, ...(accept ? { accept } : {}) };
    const read = (point: Omit<Query, 'signal'>) =>
      this.#transport.json('GET', path + queryOf({ ...query, ...point }), options);
    const newest = query.resourceVersion === undefined ? this.#newest.get(kind) : undefined;
    const answer = await read(newest === undefined ? {} : { resourceVersion: String(newest) }).catch(
      (error: unknown) => {
        if (newest === undefined || !isRevisionTooLarge(error)) throw error;
        // The store itself has gone back: an older state was restored, and there is nothing newer to wait for.
        this.#newest.delete(kind);
        return read({ consistency: 'linearizable' });
      },
    );
    this.note(kind, answer);
    return answer;
  }

  /** Remembers how new an object, a list or a table is; a `Status` says nothing about it. */
  note(kind: KindName, answer: unknown): void {
    const { metadata } = answer as { readonly metadata?: { readonly resourceVersion?: string } };
    this.saw(kind, metadata?.resourceVersion ?? '0');
  }

  saw(kind: KindName, resourceVersion: string): void {
    const revision = Number(resourceVersion);
    // A lone server is never older than itself.
    if (this.#transport.hasSeveral && revision > (this.#newest.get(kind) ?? 0))
      this.#newest.set(kind, revision);
  }
}
