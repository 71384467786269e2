/** What a commit needs of the ephemeral side: see `ephemeral.ts`. */
import type { AnyObject } from '../../../api/kinds/index.ts';
import type { Write } from '../../../api/store.ts';

export interface EphemeralWriter {
  /** Writes objects of ephemeral kinds, one after the other. @throws ApiError Conflict, ServiceUnavailable */
  write(
    writes: readonly Write[],
  ): Promise<{ readonly revision: number; readonly objects: readonly AnyObject[] }>;
}
