/** What requests say about the health of the store behind them (`Store.health`). */
import type { ServerResponse } from 'node:http';
import { timestamp } from '../../clock.ts';
import { isApiError, unavailable } from '../../errors.ts';
import type { Actor } from '../../store.ts';
import type { Authenticator } from '../authn.ts';
import type { ApiService } from '../service.ts';
import type { Handler } from './exchange.ts';

/** RFC 3339: since when what is read may be behind what other servers have committed. */
const STALE_SINCE_HEADER = 'mill-stale-since';

/**
 * Who asks. A copy that may be stale cannot tell a credential that is unknown from one that is new, and an agent that
 * is refused gives up all that it runs.
 * @throws ApiError Unauthorized, ServiceUnavailable
 */
export function authenticate(
  { authenticator, service }: { readonly authenticator: Authenticator; readonly service: ApiService },
  authorization: string | undefined,
): Actor {
  try {
    return authenticator.authenticate(authorization);
  } catch (error) {
    const mayBeNew = authorization !== undefined && service.health.staleSinceMs !== undefined;
    if (!mayBeNew || !isApiError(error, 'Unauthorized')) throw error;
    const message = 'this server is cut off from the others, and does not know this credential yet';
    throw unavailable(message, { cause: error });
  }
}

/** Marks an answer where its copy may be stale. kubectl prints the warning (RFC 7234, 299: persistent). */
export function markStale({ health }: ApiService, response: ServerResponse): void {
  const { staleSinceMs } = health;
  if (staleSinceMs === undefined) return;
  const since = timestamp(staleSinceMs);
  response.setHeader(STALE_SINCE_HEADER, since);
  response.setHeader('warning', `299 - "this server is cut off: what it shows may be stale since ${since}"`);
}

/**
 * Refuses a write before anything of it is done, where it could not be committed now: the client may safely send it
 * to another server. Of a commit that fails by itself nobody may think so.
 */
export const committing =
  (service: ApiService, handler: Handler): Handler =>
  (exchange) => {
    const { unwritable } = service.health;
    if (unwritable === undefined) return handler(exchange);
    throw unavailable(unwritable);
  };
