/** A backup over HTTP, as it comes. */
import { ConnectionError } from './client.ts';
import { queryOf } from './paths.ts';
import type { Transport } from './transport.ts';

export interface BackupOptions {
  /** What the server has, where it cannot find out now whether others have committed more. */
  readonly stale?: boolean;
  readonly signal?: AbortSignal;
}

/** @throws ApiError where the server refuses; ConnectionError, also in the middle */
export async function* readBackup(
  transport: Transport,
  { stale, signal }: BackupOptions,
): AsyncGenerator<Uint8Array> {
  const response = await transport.open('GET', `/backup${queryOf({ stale })}`, { accept: '*/*', signal });
  try {
    yield* response as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw new ConnectionError('the connection broke in the middle of the backup', { cause });
  }
}
