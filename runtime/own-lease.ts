/**
 * A lease as its holder writes it: never over what it does not know. What an earlier run of the holder sent may be long on its way, and
 * must not pass for the word of this one, or delete what this one holds.
 */
import { type Client, deleteIfPresent } from '../api/client/client.ts';
import { isApiError } from '../api/errors.ts';
import type { Lease } from '../api/kinds/lease.ts';

export class OwnLease {
  readonly #client: Client;
  readonly #name: string;
  /** As this run saw it last; `undefined` in it: there was none. */
  #known: { readonly resourceVersion: string | undefined } | undefined;

  constructor(client: Client, name: string) {
    this.#client = client;
    this.#name = name;
  }

  /** Creates it where it is missing. @throws ApiError, ConnectionError */
  async write(spec: object, signal: AbortSignal): Promise<void> {
    try {
      await this.#put(spec, signal);
    } catch (error) {
      if (!isOutdated(error)) throw error;
      // A request whose answer was lost has arrived, or the servers have forgotten the lease.
      this.#known = undefined;
      await this.#put(spec, signal);
    }
  }

  /** Deletes what was written by that session. @throws ApiError, ConnectionError */
  async release(session: string, signal: AbortSignal): Promise<void> {
    const lease = await this.#look(signal);
    if (lease?.spec.session !== session) return;
    const { resourceVersion } = lease.metadata;
    await deleteIfPresent(this.#client, 'Lease', this.#name, { resourceVersion, signal });
  }

  async #put(spec: object, signal: AbortSignal): Promise<void> {
    this.#known ??= { resourceVersion: (await this.#look(signal))?.metadata.resourceVersion };
    signal.throwIfAborted(); // given up meanwhile: something newer may have been written
    const { resourceVersion } = this.#known;
    const { metadata } =
      resourceVersion === undefined
        ? await this.#client.create({ kind: 'Lease', metadata: { name: this.#name }, spec }, { signal })
        : await this.#client.patch('Lease', this.#name, { metadata: { resourceVersion }, spec }, { signal });
    this.#known = metadata;
  }

  async #look(signal: AbortSignal): Promise<Lease | undefined> {
    try {
      return await this.#client.get('Lease', this.#name, { signal });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}

const isOutdated = (error: unknown): boolean =>
  (['Conflict', 'NotFound', 'AlreadyExists'] as const).some((reason) => isApiError(error, reason));
