/**
 * The few errors mill's API answers, as Kubernetes `Status` objects say them.
 * `docs/errors.md` lists them all and is tested against this file.
 */

export interface StatusCause {
  /** Path in the object, e.g. `spec.template.ports[0].port`. */
  field: string;
  message: string;
  reason?: string;
}

/** HTTP status code of each reason (Kubernetes API conventions, `metav1.StatusReason`). */
export const STATUS_CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;
export type StatusReason = keyof typeof STATUS_CODES;

export interface ErrorDetails {
  kind?: string;
  name?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** An error that an API call answers. Its message is one line, fit for a user. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: StatusReason;
  readonly details: ErrorDetails;

  constructor(reason: StatusReason, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.details = details;
  }

  get code(): number {
    return STATUS_CODES[this.reason];
  }
}

/** True where `error` is an ApiError, of that reason if one is named. */
export function isApiError(error: unknown, reason?: StatusReason): error is ApiError {
  return error instanceof ApiError && (reason === undefined || error.reason === reason);
}

export const notFound = (kind: string, name: string): ApiError =>
  new ApiError('NotFound', `${kind} "${name}" not found`, { kind, name });

export const alreadyExists = (kind: string, name: string): ApiError =>
  new ApiError('AlreadyExists', `${kind} "${name}" already exists`, { kind, name });

export const conflict = (kind: string, name: string): ApiError =>
  new ApiError(
    'Conflict',
    `${kind} "${name}" was changed by someone else meanwhile; read it again and apply your change to that`,
    { kind, name },
  );

/** Says, as the reason of a cause, that a request changed nothing: a client of several servers asks the next one. */
export const NOTHING_DONE = 'NothingDone';

/** Says, as the reason of a cause, that a server knows nothing of who asks: it may be behind, and know soon. */
export const UNKNOWN_HERE = 'UnknownHere';

/** True where an error has a cause of that reason. */
export const hasCause = (error: unknown, reason: string): boolean =>
  isApiError(error) && error.details.causes?.some((cause) => cause.reason === reason) === true;

/** Nothing can be written, or known, here and now; nothing of the request was done. */
export const unavailable = (message: string, options?: ErrorOptions): ApiError =>
  new ApiError(
    'ServiceUnavailable',
    message,
    {
      causes: [{ field: '', message: 'nothing of the request was done', reason: NOTHING_DONE }],
      retryAfterSeconds: 1,
    },
    options,
  );

/** A rule of the store (`api/rules/`) or a schema says no: the object, where, and what would be right. */
export const invalid = (kind: string, name: string, causes: StatusCause[]): ApiError =>
  new ApiError(
    'Invalid',
    `${kind} "${name}" is invalid: ${causes.map((c) => (c.field ? `${c.field}: ${c.message}` : c.message)).join('; ')}`,
    { kind, name, causes },
  );
