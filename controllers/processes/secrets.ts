/** What a server proves itself with, and what the administrator does: certificate, authority, token. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../api/clock.ts';
import type { IssuedCertificate } from '../../api/server/certificates.ts';
import { type Certificates, loadAuthority, loadCertificates } from '../../api/server/tls.ts';
import type { Engine } from './engine.ts';

const TOKEN_BYTES = 32;

export interface SecretsOptions {
  /** Folder of the files, which is there; readable by its owner alone. */
  readonly dir: string;
  /** Names and addresses under which clients reach the server, beside loopback. */
  readonly names: readonly string[];
  readonly clock: Clock;
  /** See `Engine`. */
  readonly shared?: Engine['sharedSecret'];
}

export interface Secrets {
  readonly certificates: Certificates;
  /** The administrator's. */
  readonly token: string;
}

/**
 * Loads them, or makes those that are missing. Servers of one cluster share authority and token, so that a client knows
 * all when it knows one; the first one brings in what it has, from a time when it was alone.
 */
export async function loadSecrets(options: SecretsOptions): Promise<Secrets> {
  const { dir, shared } = options;
  const path = join(dir, 'admin-token');
  if (!shared) {
    const [certificates, token] = await Promise.all([loadCertificates(options), keptToken(path)]);
    return { certificates, token };
  }
  const [authority, token] = await Promise.all([
    shared('authority', async () => JSON.stringify(await loadAuthority(options))),
    shared('admin-token', async () => (await readToken(path)) ?? newToken()),
  ]);
  await keepToken(path, token);
  const certificates = await loadCertificates({ ...options, authority: parseAuthority(authority) });
  return { certificates, token };
}

function parseAuthority(text: string): IssuedCertificate {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && 'key' in value && 'cert' in value) {
    const { key, cert } = value;
    if (typeof key === 'string' && typeof cert === 'string') return { key, cert };
  }
  throw new Error('the certificate authority that the servers share cannot be read');
}

/** Made once, kept beside the state, readable by its owner alone. */
async function keptToken(path: string): Promise<string> {
  const token = (await readToken(path)) ?? newToken();
  await keepToken(path, token);
  return token;
}

async function readToken(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim() || undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function keepToken(path: string, token: string): Promise<void> {
  if ((await readToken(path)) === token) return;
  await writeFile(`${path}.new`, `${token}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');
