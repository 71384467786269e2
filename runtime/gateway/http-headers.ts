/** Which header fields a proxy passes on (RFC 9110 7.6). Pure: raw header lists in, raw header lists out. */
import type { IncomingMessage } from 'node:http';

/** Flat list `[name, value, name, value, …]` as `rawHeaders` has it: order, case and repeats are kept. */
export type RawHeaders = string[];

/**
 * The request's fields for a backend, with the client's address appended to `X-Forwarded-For`.
 *
 * @param authority - `Host` for a client that names none, as HTTP/1.0 allows
 */
export function requestHeaders(request: IncomingMessage, authority: string): RawHeaders {
  const { headers, rawHeaders } = request;
  const named = namedByConnection(headers.connection);
  const coding = headers['transfer-encoding'];
  const forwarded: RawHeaders = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const lower = name.toLowerCase();
    if (isHopByHop(lower, named) || lower === 'x-forwarded-for') continue;
    if (lower === 'trailer' && coding === undefined) continue;
    forwarded.push(name, rawHeaders[index + 1] ?? '');
  }
  if (headers.host === undefined) forwarded.push('Host', authority);
  const address = request.socket.remoteAddress;
  const seen = headers['x-forwarded-for'];
  const chain = [...(seen === undefined ? [] : [seen].flat()), ...(address === undefined ? [] : [address])];
  if (chain.length > 0) forwarded.push('X-Forwarded-For', chain.join(', '));
  if (coding !== undefined) forwarded.push('Transfer-Encoding', coding);
  else if (headers['content-length'] === undefined && expectsBody(request.method))
    forwarded.push('Content-Length', '0');
  if (/\btrailers\b/i.test(String(headers.te ?? '')))
    forwarded.push('TE', 'trailers', 'Connection', 'keep-alive, TE');
  return forwarded;
}

/** The fields of a request that asks for another protocol on its connection: `Connection` and `Upgrade` go along. */
export function upgradeHeaders(request: IncomingMessage, authority: string): RawHeaders {
  const forwarded = requestHeaders(request, authority);
  const { upgrade } = request.headers;
  if (upgrade !== undefined) forwarded.push('Connection', 'Upgrade', 'Upgrade', upgrade);
  return forwarded;
}

/**
 * The response's fields for the client. Framing is the server's own: it chunks a body without a length for
 * HTTP/1.1, and ends an HTTP/1.0 one by closing.
 *
 * @param mayHaveTrailers - the body will be chunked
 */
export function responseHeaders(response: IncomingMessage, mayHaveTrailers: boolean): RawHeaders {
  const { headers, rawHeaders } = response;
  const named = namedByConnection(headers.connection);
  const forwarded: RawHeaders = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const lower = name.toLowerCase();
    if (isHopByHop(lower, named)) continue;
    if (lower === 'trailer' && !mayHaveTrailers) continue;
    forwarded.push(name, rawHeaders[index + 1] ?? '');
  }
  return forwarded;
}

/** Trailer fields as `addTrailers` takes them. */
export function trailerPairs(rawTrailers: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < rawTrailers.length; index += 2) {
    pairs.push([rawTrailers[index] ?? '', rawTrailers[index + 1] ?? '']);
  }
  return pairs;
}

/** Whether a body follows the request's head. */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** Without `Content-Length: 0` a request with one of these methods would be sent with an empty chunked body. */
function expectsBody(method: string | undefined): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

/** Fields that `Connection` names besides its own options: they are for this hop alone. */
function namedByConnection(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined) return undefined;
  const lower = connection.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close') return undefined;
  return new Set(lower.split(',').map((option) => option.trim()));
}

function isHopByHop(lower: string, named: ReadonlySet<string> | undefined): boolean {
  switch (lower) {
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'te':
    case 'transfer-encoding':
    case 'upgrade':
      return true;
    // A client must not be able to have these taken out by naming them (they frame and route the message).
    case 'content-length':
    case 'host':
      return false;
    default:
      return named?.has(lower) ?? false;
  }
}
