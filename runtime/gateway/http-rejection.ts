/** What the gateway itself answers when there is no answer of a backend. */
import type { Refusal } from './assignment.ts';
import type { Member } from './member.ts';
import type { ServicePort } from './service-port.ts';

/** Most bytes of a message's head, from clients and backends alike. Cookies of several kilobytes do occur. */
export const MAX_HEADER_BYTES = 32 * 1024;

/** When a client may ask again after a 503. Seconds. */
const RETRY_AFTER_SECONDS = 5;

export interface Rejection {
  readonly status: 400 | 501 | 502 | 503;
  /** One line. */
  readonly reason: string;
  readonly retryAfterSeconds?: number;
}

/** No backend took the request. */
export function describeRefusal(refusal: Refusal, { service }: ServicePort): Rejection {
  switch (refusal) {
    case 'unreachable':
      return { status: 502, reason: `service ${service}: no backend can be reached` };
    case 'expired':
      return unavailable(`service ${service} has no backend`);
    case 'overfull':
      return unavailable(`service ${service} has no backend, and too many requests wait for one`);
    case 'closed':
      return unavailable(`service ${service} is not served here any more`);
  }
}

/** A backend took the request and did not answer it to the end. */
export function unanswered({ service }: ServicePort, member: Member | undefined, error: Error): Rejection {
  const from = member === undefined ? '' : ` from ${member.backend.alloc}`;
  return { status: 502, reason: `service ${service}: no answer${from}: ${error.message}` };
}

const unavailable = (reason: string): Rejection => ({
  status: 503,
  reason,
  retryAfterSeconds: RETRY_AFTER_SECONDS,
});
