/** What answers say about themselves beside their body. */
import type { IncomingMessage } from 'node:http';

/** The text of a `Warning` (RFC 7234: code, agent, quoted text), which kubectl prints; undefined where there is none. */
export function warningIn({ headers }: IncomingMessage): string | undefined {
  const [, text] = /^\d{3} \S+ "((?:[^"\\]|\\.)*)"/.exec(headers.warning ?? '') ?? [];
  return text?.replaceAll(/\\(.)/g, '$1');
}

/** True where the server read from a copy that may be behind what others have committed. */
export const isStale = ({ headers }: IncomingMessage): boolean => headers['mill-stale-since'] !== undefined;
