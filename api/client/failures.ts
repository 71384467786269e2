/** What goes wrong between a client and its server, in words for people. */
import type { ClientRequest } from 'node:http';
import {
  ApiError,
  type ErrorDetails,
  hasCause,
  isApiError,
  NOTHING_DONE,
  STATUS_CODES,
  type StatusReason,
} from '../errors.ts';
import { ConnectionError } from './client.ts';

/** Marks, as a cause, that a kept-alive connection was found closed before anything was answered. */
export class StaleConnection extends Error {}

/** The server was not reached at all: nothing of the request has left. */
export class UnsentError extends ConnectionError {}

/** True where a request that failed has certainly changed nothing, so that it may be sent to another server. */
export const isUndone = (error: unknown): boolean =>
  error instanceof UnsentError || hasCause(error, NOTHING_DONE);

/** True where a read asks for more than the store has ever had: it is another one, or an older copy was restored. */
export const isRevisionTooLarge = (error: unknown): boolean =>
  isApiError(error, 'Timeout') && hasCause(error, 'ResourceVersionTooLarge');

const PLAIN_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up now',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not of an authority that is trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not of an authority that is trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not of an authority that is trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not of an authority that is trusted here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names',
  EPROTO: 'one side speaks TLS and the other does not',
};

/** What a code of Node's means to people; undefined where that is not known. */
export const plainReason = (code: string): string | undefined => PLAIN_REASONS[code];

export function connectionError(server: string, error: Error, request: ClientRequest): ConnectionError {
  if (error instanceof ConnectionError) return error;
  const code = 'code' in error ? String(error.code) : '';
  const reason = plainReason(code) ?? error.message;
  const stale = request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
  const cause = stale ? new StaleConnection(error.message, { cause: error }) : error;
  return new ConnectionError(`the server at ${server} cannot be reached: ${reason}`, { cause });
}

/** The error that a `Status` says; any other answer is told by its code. */
export function errorOf(code: number, text: string): ApiError {
  let status: unknown;
  try {
    status = JSON.parse(text);
  } catch {
    // A proxy on the way answers in its own words.
    status = undefined;
  }
  return (
    statusError(status) ??
    new ApiError(reasonOf(code), `the server answered ${code}: ${text.slice(0, 256).trim()}`)
  );
}

/** The error in a `Status` object; undefined where it is none. */
export function statusError(status: unknown): ApiError | undefined {
  if (typeof status !== 'object' || status === null || !('message' in status) || !('reason' in status))
    return undefined;
  const { message, reason } = status;
  const details = 'details' in status && typeof status.details === 'object' ? status.details : {};
  const known = REASONS.find((name) => name === reason);
  return new ApiError(known ?? 'InternalError', String(message), (details ?? {}) as ErrorDetails);
}

const REASONS = Object.keys(STATUS_CODES) as StatusReason[];

const reasonOf = (code: number): StatusReason =>
  REASONS.find((name) => STATUS_CODES[name] === code) ?? 'InternalError';
