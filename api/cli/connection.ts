/** The way from a command to its server: address, scheme, CA and credential from flags, environment and context. */
import { connect as connectSocket } from 'node:net';
import type { Client, ListOptions, WatchRequest } from '../client/client.ts';
import type { BackupOptions } from '../client/http-backup.ts';
import type { Clock } from '../clock.ts';
import type { KindName } from '../kinds/index.ts';
import { type Context, readContext } from './context.ts';
import { CommandError, EXIT, unreachableText } from './exit.ts';
import type { Table } from './output/table.ts';
import { DEFAULT_SERVER, parseServers, type ServerAddress, serverUrl } from './server-address.ts';
import type { Environment } from './surroundings.ts';

/** What commands ask of a server: objects, the tables that it prints, and a few paths beside them. */
export interface Connection extends Client {
  /** One object's row, or those of the list, as the server prints them. */
  getTable(kind: KindName, name?: string, options?: ListOptions): Promise<Table>;
  /** Every change after the revision, as a table of one row. Ends with the signal. */
  watchTable(kind: KindName, request: WatchRequest): AsyncIterable<TableEvent>;
  /** What an alloc wrote; ends with the signal. */
  logs(alloc: string, options: LogOptions): AsyncIterable<Uint8Array>;
  /** Everything in the store as of one revision, as `api/backup/` has it. */
  backup(options?: BackupOptions): AsyncIterable<Uint8Array>;
  /** The parsed answer to any other request. */
  request(method: string, path: string): Promise<unknown>;
  close(): void;
}

export interface TableEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly table: Table;
}

interface LogOptions {
  readonly follow?: boolean;
  readonly tailLines?: number;
  readonly signal?: AbortSignal;
}

export interface ConnectionOptions {
  /** URLs of the servers of one cluster, at least one: the next is asked where one does not answer. */
  readonly servers: readonly string[];
  readonly token?: string;
  /** PEM. */
  readonly ca?: string;
  /** Told what the server says beside an answer, for the person who reads it. */
  readonly onWarning?: (text: string) => void;
}

/** What the command line says about the server. */
export interface ServerFlags {
  readonly server?: string;
  readonly token?: string;
  /** File with the PEM of a CA. */
  readonly ca?: string;
}

/** How long to look whether a server is there at all, before asking for a credential. */
const PROBE_TIMEOUT_MS = 3_000;

export interface ServerTarget {
  readonly addresses: readonly ServerAddress[];
  readonly options: ConnectionOptions;
}

/** Flags before environment before context. The credential may be missing yet. */
export async function findServer(flags: ServerFlags, env: Environment): Promise<ServerTarget> {
  const addresses = parseServers(flags.server || env.MILL_SERVER || DEFAULT_SERVER);
  // Each server of a cluster writes one on its own machine; CA and credential are the same in all of them.
  const context = await firstContext(addresses, env);
  const token = flags.token || env.MILL_TOKEN || context?.token;
  const caFile = flags.ca || env.MILL_CA;
  const ca = caFile ? await readCa(caFile) : context?.ca;
  const scheme = context?.server.startsWith('http://') ? 'http' : 'https';
  return {
    addresses,
    options: {
      servers: addresses.map((address) => serverUrl(address, scheme)),
      ...(token ? { token } : {}),
      ...(ca ? { ca } : {}),
    },
  };
}

/**
 * Says what to do where there is no credential; where nobody listens there, that is the thing to say.
 * @throws CommandError always
 */
export async function refuseWithoutCredential(target: ServerTarget, clock: Clock): Promise<never> {
  const server = target.options.servers.join(',');
  const errors = await Promise.all(target.addresses.map((address) => probe(address, clock)));
  const [error] = errors;
  if (error && !errors.includes(undefined))
    throw new CommandError(unreachableText(server, error), { exitCode: EXIT.unreachable, cause: error });
  throw new CommandError(`no credential for ${server}`, {
    more: [
      'Run the command as the user who runs "mill up" or "mill server" on this machine: they leave it a credential.',
      'From elsewhere give --token (MILL_TOKEN), and --ca (MILL_CA) for the certificate.',
    ],
  });
}

async function firstContext(
  addresses: readonly ServerAddress[],
  env: Environment,
): Promise<Context | undefined> {
  for (const { key } of addresses) {
    const context = await readContext(key, env);
    if (context) return context;
  }
  return undefined;
}

/** Undefined where something listens at the address; else why not. */
function probe({ host, port }: ServerAddress, clock: Clock): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const socket = connectSocket({ host: host.replace(/^\[|\]$/g, ''), port });
    const finish = (error?: Error) => {
      cancel();
      socket.destroy();
      resolve(error);
    };
    const late = () => finish(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    const cancel = clock.schedule(PROBE_TIMEOUT_MS, late);
    socket.once('connect', () => finish());
    socket.once('error', finish);
  });
}

async function readCa(file: string): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError(`cannot read the CA ${file}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}
