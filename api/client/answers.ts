/** Answers: their bodies, and what they say about themselves beside them. */
import type { IncomingMessage } from 'node:http';
import { ConnectionError } from './client.ts';

/** The text of a `Warning` (RFC 7234: code, agent, quoted text), which kubectl prints; undefined where there is none. */
export function warningIn({ headers }: IncomingMessage): string | undefined {
  const [, text] = /^\d{3} \S+ "((?:[^"\\]|\\.)*)"/.exec(headers.warning ?? '') ?? [];
  return text?.replaceAll(/\\(.)/g, '$1');
}

/** True where the server read from a copy that may be behind what others have committed. */
export const isStale = ({ headers }: IncomingMessage): boolean => headers['mill-stale-since'] !== undefined;

/** The whole body. @throws ConnectionError where it is larger, or breaks off */
export async function readText(response: IncomingMessage, maxBytes: number, server: string): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw new ConnectionError(`the server at ${server} answers too much`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof ConnectionError) throw cause;
    throw new ConnectionError(`the connection to ${server} broke while it answered`, { cause });
  }
  return Buffer.concat(chunks).toString();
}
