/** How a command ends: its exit code, and what is said on stderr. */
import type { ConnectionError } from '../client/client.ts';
import type { ApiError, StatusReason } from '../errors.ts';

export const EXIT = {
  done: 0,
  /** Refused, or failed. */
  failed: 1,
  usage: 2,
  unreachable: 3,
  /** Ctrl-C, as shells count it (128 + SIGINT). */
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command cannot go on. The message is one line; `more` are lines for the person below it. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
  readonly exitCode: ExitCode;
  readonly more: readonly string[];

  constructor(
    message: string,
    options: { exitCode?: ExitCode; more?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.more = options.more ?? [];
  }
}

/** The command line itself is wrong. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
  constructor(message: string, more: readonly string[] = []) {
    super(message, { exitCode: EXIT.usage, more });
  }
}

/** What went wrong, as lines for stderr (the first is whole by itself), and the exit code. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly lines: readonly string[];
}

/** Every error that a command may end with, in words. `server` is the address that was asked. */
export function describeError(error: unknown, server: string): Failure {
  if (isCommandError(error)) return failure(error.exitCode, error.message, error.more);
  if (isConnectionError(error)) {
    return failure(EXIT.unreachable, unreachableText(server, error));
  }
  if (isApiError(error)) return failure(EXIT.failed, apiErrorText(error, server));
  return failure(EXIT.failed, error instanceof Error ? error.message : String(error));
}

/** What an error of the API says, the way this command line names objects. */
export function apiErrorText(error: ApiError, server = 'the server'): string {
  const { kind, name, causes } = error.details;
  if (error.reason === 'Unauthorized') {
    return `${server} does not take this credential: ${error.message}`;
  }
  if (error.reason === 'Invalid' && kind && name && causes && causes.length > 0) {
    return `${kind.toLowerCase()} "${name}": ${causesText(causes)}`;
  }
  if (error.reason === 'NotFound' && kind && name) return `${kind.toLowerCase()} "${name}" not found`;
  return error.message;
}

/** Field and message of each cause; a rule about the object's state is clear without its field. */
const causesText = (causes: readonly { field: string; message: string }[]): string =>
  causes
    .map(({ field, message }) =>
      field === '' || field === 'spec.removed' || field === 'spec.drain' ? message : `${field}: ${message}`,
    )
    .join('; ');

/** The line for a server, or several with commas between, that does not answer. */
export function unreachableText(server: string, error: Error): string {
  const reason = connectionReason(error);
  // It answered, if not as it should: that it runs is not the question.
  const hint = /certificate|TLS/.test(reason)
    ? 'give its CA with --ca FILE (MILL_CA)'
    : 'is "mill up" running?';
  const whom = server.includes(',') ? 'any of the servers' : 'the server';
  return `cannot reach ${whom} at ${server}: ${reason}; ${hint}`;
}

const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed by the other side',
  EPIPE: 'connection closed by the other side',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of a CA that is not trusted here',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is of a CA that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of a CA that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of a CA that is not trusted here',
  CERT_SIGNATURE_FAILURE: 'its certificate is of another CA than the one known here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  EPROTO: 'it does not speak TLS',
};

/** Why a connection failed, from the deepest cause that has a code known here. */
export function connectionReason(error: Error): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : undefined;
    if (code && NETWORK_REASONS[code]) return NETWORK_REASONS[code];
    if (at instanceof AggregateError && at.errors[0] instanceof Error) return connectionReason(at.errors[0]);
  }
  return oneLine(error.message);
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ').trim();

function failure(exitCode: ExitCode, message: string, more: readonly string[] = []): Failure {
  return { exitCode, lines: [`mill: ${oneLine(message)}`, ...more] };
}

/** True where `error` is an ApiError, of that reason if one is named. */
export const isApiError = (error: unknown, reason?: StatusReason): error is ApiError =>
  isNamed<ApiError>(error, 'ApiError') && (reason === undefined || error.reason === reason);

/** True where the server could not be reached, or the connection broke. */
export const isConnectionError = (error: unknown): error is ConnectionError =>
  isNamed<ConnectionError>(error, 'ConnectionError');

const isCommandError = (error: unknown): error is CommandError =>
  isNamed<CommandError>(error, 'CommandError') || isNamed<UsageError>(error, 'UsageError');

/** By name, not by class: commands are loaded apart, and must not need the class's module to be the same one. */
const isNamed = <E extends Error>(error: unknown, name: string): error is E =>
  error instanceof Error && error.name === name;
