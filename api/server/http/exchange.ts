/** One request and its answer, as the handlers see it; how answers and errors are written. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, type ErrorDetails, type StatusReason } from '../../errors.ts';
import type { Actor } from '../../store.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  /** Parts of the path, percent-decoded. */
  readonly path: Readonly<Record<string, string | undefined>>;
  readonly actor: Actor;
  /** Aborts when the client has gone or the server closes. */
  readonly signal: AbortSignal;
}

/** The name in the path. */
export const nameOf = ({ path }: Exchange): string => path.name ?? '';

export type Handler = (exchange: Exchange) => void | Promise<void>;

/** How long clients wait before they try again what the server could not do now, in seconds. */
const RETRY_AFTER_SECONDS = 1;
const RETRIABLE: ReadonlySet<StatusReason> = new Set(['ServiceUnavailable', 'TooManyRequests', 'Timeout']);

/** What is read of a request that was refused already: several times the largest that is taken. */
const MAX_DROPPED_BYTES = 16 * 1_048_576;
/** A client that pauses for so long in a request that was refused is not waited for. */
const MAX_SILENCE_MS = 2_000;

export function sendJson(
  response: ServerResponse,
  code: number,
  value: unknown,
  contentType = 'application/json',
): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(code, { 'content-type': contentType, 'content-length': body.length });
  response.end(body);
}

export function sendText(
  response: ServerResponse,
  code: number,
  text: string,
  contentType = 'text/plain',
): void {
  const body = Buffer.from(text);
  response.writeHead(code, {
    'content-type': `${contentType}; charset=utf-8`,
    'content-length': body.length,
  });
  response.end(body);
}

/** The `Status` object (Kubernetes API conventions) that an error is answered as. */
function statusOf(error: ApiError) {
  const { reason, code, message } = error;
  const details = detailsOf(error);
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    details,
    code,
  };
}

/** Whoever may try again is told when, in the body and in the header. */
const detailsOf = ({ reason, details }: ApiError): ErrorDetails =>
  RETRIABLE.has(reason) ? { retryAfterSeconds: RETRY_AFTER_SECONDS, ...details } : details;

/** Answers an error. Where the body was not read to its end, the connection is of no use any more. */
export function sendError(request: IncomingMessage, response: ServerResponse, error: ApiError): void {
  const { retryAfterSeconds } = detailsOf(error);
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
  if (error.reason === 'Unauthorized') response.setHeader('www-authenticate', 'Bearer realm="mill"');
  if (request.complete) {
    sendJson(response, error.code, statusOf(error));
    return;
  }
  response.setHeader('connection', 'close');
  const body = Buffer.from(`${JSON.stringify(statusOf(error))}\n`);
  response.writeHead(error.code, { 'content-type': 'application/json', 'content-length': body.length });
  response.write(body);
  endAfterRequest(request, response);
}

/**
 * Whoever is still sending when the connection closes is answered by a reset, and never reads why: the rest of the
 * request is read and dropped, within bounds, before the connection is closed.
 */
function endAfterRequest(request: IncomingMessage, response: ServerResponse): void {
  let droppedBytes = 0;
  const end = () => response.end();
  request.on('data', (chunk: Buffer) => {
    droppedBytes += chunk.length;
    if (droppedBytes > MAX_DROPPED_BYTES) end();
  });
  request.once('end', end).once('error', end);
  request.socket.setTimeout(MAX_SILENCE_MS, end);
  request.resume();
}

/** Resolves when the client has taken what was sent, or has gone. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

/** A parameter of the query that is true or false; absent: false. @throws ApiError BadRequest */
export function flag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  if (text === null || text === 'false' || text === '0') return false;
  if (text === 'true' || text === '1' || text === '') return true;
  throw new ApiError('BadRequest', `the parameter ${name} must be true or false`);
}

/** A parameter of the query that is a whole number from 0. @throws ApiError BadRequest */
export function count(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  // Revisions of leases have sixteen digits.
  if (!Number.isSafeInteger(number))
    throw new ApiError('BadRequest', `the parameter ${name} must be a whole number`);
  return number;
}
