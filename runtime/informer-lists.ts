/** Reads the lists that an informer begins with, or begins again with after a break: no older than what is known. */
import type { Client, ListResult } from '../api/client/client.ts';
import { isRevisionTooLarge } from '../api/client/failures.ts';
import type { Clock } from '../api/clock.ts';
import { isApiError } from '../api/errors.ts';
import type { KindName } from '../api/kinds/index.ts';
import { steadyClock } from './steady-clock.ts';

export class InformerLists {
  readonly #client: Client;
  readonly #steady: Clock;
  readonly #beganMs: number;
  readonly #certainForMs: number;

  /** @param certainForMs for so long servers that cannot tell what is newest are asked again; then what they have is taken */
  constructor(client: Client, clock: Clock, certainForMs: number) {
    this.#client = client;
    this.#certainForMs = certainForMs;
    this.#steady = steadyClock(clock);
    this.#beganMs = this.#steady.now();
  }

  /**
   * Whichever server answers: the copy of another one may be behind.
   * @param known revision of the kind up to which it is known; 0: not at all
   */
  async read<K extends KindName>(
    kind: K,
    fieldSelector: string | undefined,
    known: number,
  ): Promise<ListResult<K>> {
    const client = this.#client;
    const selection = fieldSelector === undefined ? {} : { fieldSelector };
    const newest = () => client.list(kind, { ...selection, consistency: 'linearizable' });
    try {
      if (known > 0) return await client.list(kind, { ...selection, resourceVersion: String(known) });
      // An earlier run of this process may have seen much more than a server that is behind.
      return await newest();
    } catch (error) {
      if (isRevisionTooLarge(error)) return newest();
      const isUncertain = isApiError(error, 'ServiceUnavailable') || isApiError(error, 'Timeout');
      const forMs = this.#steady.now() - this.#beganMs;
      if (known > 0 || !isUncertain || forMs < this.#certainForMs) throw error;
      return client.list(kind, selection);
    }
  }
}
