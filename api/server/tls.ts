/** The server's certificate and the small authority that signs it: made at the first start, loaded at every other. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { IssuedCertificate } from './certificates.ts';

/** A certificate is renewed at a start within this time of its end. */
const RENEW_BEFORE_MS = 30 * 86_400_000;
/** Names that the certificate always has. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

/** All in PEM. */
export interface Certificates {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  /** Where the authority's certificate is, for clients. */
  readonly caPath: string;
}

export interface CertificateOptions {
  /** Folder of the files; made where missing, readable by its owner alone. */
  readonly dir: string;
  /** Names and addresses under which clients reach the server, beside loopback. */
  readonly names?: readonly string[];
  readonly clock: Pick<Clock, 'now'>;
  /** The authority that several servers share; absent: one of this folder's own. */
  readonly authority?: IssuedCertificate;
}

/**
 * Loads the certificate, or makes one where it is missing, near its end, or lacks a name. The authority stays, so
 * that clients that know it go on.
 * @throws Error where the folder cannot be read or written, or the shared authority is of no use
 */
export async function loadCertificates(options: CertificateOptions): Promise<Certificates> {
  const { dir, clock } = options;
  const nowMs = clock.now();
  const names = [...new Set([...LOOPBACK_NAMES, ...(options.names ?? [])])];
  const caPath = join(dir, 'ca.crt');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const shared = options.authority;
  let authority = shared ?? (await load(dir, 'ca'));
  let server = await load(dir, 'server');
  const authorityIsGood = authority !== undefined && isUsable(authority, [], nowMs);
  if (shared && !authorityIsGood)
    throw new Error('the certificate authority that the servers share is damaged, or near its end');
  if (!authorityIsGood || !server || !isUsable(server, names, nowMs) || !isSignedBy(server, authority)) {
    // Loaded here only: it takes longer to load than all of the rest of a start.
    const { issueAuthority, issueServer } = await import('./certificates.ts');
    if (!authority || !authorityIsGood) {
      authority = await issueAuthority(nowMs);
      await store(dir, 'ca', authority);
    }
    server = await issueServer(authority, names, nowMs);
    await store(dir, 'server', server);
  }
  if (shared && (await read(caPath)) !== shared.cert) await storeFile(caPath, shared.cert);
  return { key: server.key, cert: server.cert, ca: authority?.cert ?? '', caPath };
}

/** The authority of a folder, to share it with other servers; a new one where it has none that is good. */
export async function loadAuthority({ dir, clock }: CertificateOptions): Promise<IssuedCertificate> {
  const own = await load(dir, 'ca');
  if (own && isUsable(own, [], clock.now())) return own;
  const { issueAuthority } = await import('./certificates.ts');
  return issueAuthority(clock.now());
}

async function load(dir: string, name: string): Promise<IssuedCertificate | undefined> {
  const [key, cert] = await Promise.all([read(join(dir, `${name}.key`)), read(join(dir, `${name}.crt`))]);
  return key === undefined || cert === undefined ? undefined : { key, cert };
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`cannot read ${path}`, { cause: error });
  }
}

/** The key first, and each by a rename: a crash leaves the old pair, or one that does not fit and is made again. */
async function store(dir: string, name: string, { key, cert }: IssuedCertificate): Promise<void> {
  for (const [file, content] of [
    [`${name}.key`, key],
    [`${name}.crt`, cert],
  ] as const) {
    await storeFile(join(dir, file), content);
  }
}

async function storeFile(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await chmod(`${path}.new`, 0o600);
  await rename(`${path}.new`, path);
}

function isUsable({ key, cert }: IssuedCertificate, names: readonly string[], nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(cert);
    const has = (name: string) =>
      isIP(name) ? certificate.checkIP(name) !== undefined : certificate.checkHost(name) !== undefined;
    return (
      certificate.checkPrivateKey(createPrivateKey(key)) &&
      Date.parse(certificate.validTo) - nowMs > RENEW_BEFORE_MS &&
      names.every(has)
    );
  } catch {
    // A file that is cut or broken is as good as missing: it is made again.
    return false;
  }
}

function isSignedBy(server: IssuedCertificate, authority: IssuedCertificate | undefined): boolean {
  if (!authority) return false;
  return new X509Certificate(server.cert).verify(createPublicKey(authority.cert));
}
