/** Identities that the API server gives out. */
import { randomBytes, randomUUID } from 'node:crypto';

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
