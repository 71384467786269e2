/**
 * How new a read must be. Each server answers from its own copy, which may be behind what a client has seen at
 * another server, or behind what others have had acknowledged.
 */
import { ApiError } from '../../errors.ts';
import { isEphemeral, type KindName } from '../../kinds/index.ts';
import type { Core } from '../commit.ts';

/** How long a read waits for the copy to catch up. Kubernetes waits for its watch cache as long. */
const CATCH_UP_MS = 3_000;

export interface ReadPoint {
  /** At least this revision of the kind; 0 or absent: whatever there is. */
  readonly atLeast?: number | undefined;
  /** All that was acknowledged by any server before the read. */
  readonly linearizable?: boolean | undefined;
}

/**
 * Resolves when the state shows what is asked for.
 * @returns false where it never will: the revision is not of this store, which shows all that was ever acknowledged
 * @throws ApiError ServiceUnavailable where it cannot be found out now
 */
export async function reach(
  core: Core,
  kind: KindName,
  { atLeast = 0, linearizable = false }: ReadPoint,
): Promise<boolean> {
  const { state } = core.store;
  // Heartbeats are not waited for: each is a moment old, and the next one is on its way.
  const isReached = () => isEphemeral(kind) || state.revisionOf(kind) >= atLeast;
  // Whatever a client has seen was acknowledged, so that a copy that shows all of that shows this as well.
  if (linearizable || !isReached()) await catchUp(core);
  return isReached();
}

/** Kubernetes' answer to a read that asks for more than there is (`NewTooLargeResourceVersionError`). */
export function revisionTooLarge(atLeast: number, revision: number): ApiError {
  const message = 'Too large resource version';
  return new ApiError('Timeout', `${message}: ${atLeast}, current: ${revision}`, {
    causes: [{ field: '', message, reason: 'ResourceVersionTooLarge' }],
    retryAfterSeconds: 1,
  });
}

/** The error of `Watchers.add`, for what only shows after the copy has caught up. */
export const revisionOfAnotherStore = (after: number, revision: number): ApiError =>
  new ApiError('Expired', `revision ${after} is not of this store, which is at ${revision}; list again`);

function catchUp({ store, clock }: Core): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(CATCH_UP_MS, () =>
      reject(
        new ApiError(
          'ServiceUnavailable',
          `this server did not catch up with the others within ${CATCH_UP_MS / 1_000} s`,
        ),
      ),
    );
    store.barrier().then(resolve, reject).finally(cancel);
  });
}
