/**
 * Contexts: how a client command finds scheme, CA and credential of the server at an address. One file an
 * address, readable by its owner alone, written by `mill up` and `mill server`.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from './exit.ts';
import { parseServer } from './server-address.ts';
import type { Environment } from './surroundings.ts';

export interface Context {
  /** URL with its scheme, e.g. `https://127.0.0.1:4400`. */
  readonly server: string;
  /** PEM of the CA; absent: the system's CAs, or plain http. */
  readonly ca?: string;
  readonly token: string;
}

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * Keeps the credential for a server; the file is there whole or not at all.
 * @returns the file's path
 */
export async function writeContext(context: Context, env: Environment = process.env): Promise<string> {
  const directory = contextDirectory(env);
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  // `mkdir` leaves the mode of a directory that is there already.
  await chmod(directory, DIRECTORY_MODE);
  const file = contextFile(context.server, env);
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(draft, 'wx', FILE_MODE);
    try {
      await handle.writeFile(`${JSON.stringify(context, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw new CommandError(`cannot write the context ${file}: ${messageOf(error)}`, { cause: error });
  }
  return file;
}

/** The context of the server at that address (URL or HOST:PORT), or undefined where none was written. */
export async function readContext(
  server: string,
  env: Environment = process.env,
): Promise<Context | undefined> {
  const file = contextFile(server, env);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new CommandError(`cannot read the context ${file}: ${messageOf(error)}`, { cause: error });
  }
  const context = parseContext(text);
  if (!context) throw new CommandError(`the context ${file} is damaged: delete it and restart the server`);
  return context;
}

function parseContext(text: string): Context | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { server, ca, token } = value as Record<string, unknown>;
    if (typeof server !== 'string' || typeof token !== 'string') return undefined;
    return { server, token, ...(typeof ca === 'string' ? { ca } : {}) };
  } catch {
    return undefined;
  }
}

function contextDirectory(env: Environment): string {
  const base = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  return join(base, 'mill', 'contexts');
}

const contextFile = (server: string, env: Environment): string =>
  join(contextDirectory(env), `${parseServer(server).key.replaceAll(/[^a-zA-Z0-9.-]/g, '_')}.json`);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
