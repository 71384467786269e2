/** The connection to NATS. The client package stays behind this folder. */
import { readFile } from 'node:fs/promises';
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NatsError,
} from 'nats';
import { plainReason } from '../../../api/client/failures.ts';
import type { Clock } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';

/** Between two attempts to reach a server. */
const RECONNECT_MS = 250;
/** A connection over which nothing comes is pinged so often, and given up after two pings without an answer. */
const PING_MS = 1_000;
const MAX_PINGS_OUT = 2;
const CONNECT_TIMEOUT_MS = 2_000;

export interface NatsOptions {
  /** `nats://host:port`, any of a cluster's. */
  readonly servers: readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** A `.creds` file: JWT and seed. */
  readonly credentialsFile?: string;
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
}

/** Its message is one line. */
export class CannotConnect extends Error {
  override readonly name = 'CannotConnect';
  /** Nobody is there, and somebody may come; else what is there will go on refusing. */
  readonly mayPass: boolean;

  constructor(servers: readonly string[], cause: NatsError) {
    const { code, message } = cause;
    const reason = NATS_REASONS[code] ?? plainReason(code) ?? message;
    super(`NATS cannot be reached at ${servers.join(', ')}: ${reason}`, { cause });
    this.mayPass = ABSENT.has(code);
  }
}

/** @throws CannotConnect where no server can be reached, or refuses the credentials */
export async function connectToNats(options: NatsOptions, name: string): Promise<NatsConnection> {
  const { servers, user, password, token, credentialsFile, tls } = options;
  const authenticator =
    credentialsFile === undefined ? undefined : credsAuthenticator(await readFile(credentialsFile));
  const settings: ConnectionOptions = {
    servers: [...servers],
    name,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(tls ? { tls } : isEncrypted(servers) ? { tls: {} } : {}),
    maxReconnectAttempts: -1,
    // A stack for every request, in case that it fails, costs more than the request.
    noAsyncTraces: true,
    reconnectTimeWait: RECONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: MAX_PINGS_OUT,
    timeout: CONNECT_TIMEOUT_MS,
  };
  try {
    // Tried out first: with the next setting, a first connection that all servers refuse would be tried for ever.
    await (await connect({ ...settings, reconnect: false })).close();
    // Later on a server that was just started may refuse everybody for a moment: no reason to give up.
    return await connect({ ...settings, ignoreAuthErrorAbort: true });
  } catch (error) {
    throw new CannotConnect(servers, error as NatsError);
  }
}

const REFUSED = 'authorization failed: it refuses this user and password, or these credentials';

/** What the client's codes mean to people. */
const NATS_REASONS: Readonly<Record<string, string>> = {
  CONNECTION_REFUSED: 'nothing listens there',
  CONNECTION_TIMEOUT: 'it does not answer',
  TIMEOUT: 'it does not answer',
  DISCONNECT: 'the connection broke',
  AUTHORIZATION_VIOLATION: REFUSED,
  AUTHENTICATION_TIMEOUT: REFUSED,
  BAD_AUTHENTICATION: REFUSED,
  AUTHENTICATION_EXPIRED: 'the credentials have expired',
  ACCOUNT_EXPIRED: 'the account has expired',
  BAD_CREDS: 'the credentials file holds no JWT and seed',
  SERVER_OPT_NA: 'it does not speak TLS, which is asked for',
};

/** Codes, of the client and of Node, that say that nobody answers now. */
const ABSENT: ReadonlySet<string> = new Set([
  ...['CONNECTION_REFUSED', 'CONNECTION_TIMEOUT', 'TIMEOUT', 'DISCONNECT'],
  ...['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
]);

/** Since when the connection is broken, in ms since the epoch; undefined while it stands. */
export class Contact {
  lostSinceMs: number | undefined;

  constructor(connection: NatsConnection, clock: Clock, log: Log) {
    void this.#follow(connection, clock, log);
  }

  async #follow(connection: NatsConnection, clock: Clock, log: Log): Promise<void> {
    for await (const { type, data } of connection.status()) {
      if (type === 'disconnect') {
        this.lostSinceMs ??= clock.now();
        log.warn({ server: String(data) }, 'the connection to NATS is lost');
      } else if (type === 'reconnect') {
        this.lostSinceMs = undefined;
        log.info({ server: String(data) }, 'connected to NATS again');
      } else if (type === 'error') {
        log.warn({ error: String(data) }, 'NATS refuses something');
      }
    }
  }
}

/** The package takes `tls://` for a wish; mill takes it for a condition. */
const isEncrypted = (servers: readonly string[]): boolean => servers.some((url) => url.startsWith('tls://'));
