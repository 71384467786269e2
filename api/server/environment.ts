/** What the API server is given by its process: time, a log, randomness. */
import { randomBytes, randomUUID } from 'node:crypto';

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  schedule(delayMs: number, callback: () => void): () => void;
}

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Identities that nobody can guess or meet again. */
export interface Identities {
  uid(): string;
  /** A new secret, printable, of at least 128 bits. */
  token(): string;
}

const TOKEN_BYTES = 32;

export const randomIdentities: Identities = {
  uid: () => randomUUID(),
  token: () => randomBytes(TOKEN_BYTES).toString('base64url'),
};

/** A time as objects write it: RFC 3339, UTC, milliseconds. */
export const timestamp = (ms: number): string => new Date(ms).toISOString();
