/** From what the command line says about NATS to a connection's options: files are read. */
import { readFile } from 'node:fs/promises';
import type { NatsTarget } from '../../api/cli/processes.ts';
import type { NatsOptions } from '../../runtime/store/jetstream/connection.ts';

/** @throws Error in one line where a file cannot be read */
export async function connectionOf(target: NatsTarget): Promise<NatsOptions> {
  const { servers, user, passwordFile, credentialsFile, tls } = target;
  await Promise.all([credentialsFile, tls?.caFile, tls?.certFile, tls?.keyFile].map(checkReadable));
  const password = passwordFile === undefined ? undefined : (await readText(passwordFile)).trim();
  return {
    servers,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(credentialsFile === undefined ? {} : { credentialsFile }),
    ...(tls === undefined ? {} : { tls }),
  };
}

async function checkReadable(path: string | undefined): Promise<void> {
  if (path !== undefined) await readText(path);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${path}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}
