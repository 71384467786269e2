/** The HTTP server: its limits, how it listens and how it closes. */
import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { isIPv6 } from 'node:net';
import type { Clock } from '../../clock.ts';
import type { DrainPlan } from '../../drain-plan.ts';
import type { Node } from '../../kinds/node.ts';
import type { Log } from '../../log.ts';
import type { Authenticator } from '../authn.ts';
import type { Identities } from '../identities.ts';
import type { LogBroker } from '../logs.ts';
import type { ApiService } from '../service.ts';
import { HostGuard } from './guard.ts';
import { createRequestHandler } from './handler.ts';
import type { MetricSource } from './metrics.ts';

/** Headers that take longer are sent to hold the connection, not to be read. */
const HEADERS_TIMEOUT_MS = 10_000;
/** How often connections are looked at for that. */
const CONNECTIONS_CHECK_MS = 5_000;
/** How long an idle connection is kept for its client's next request. */
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADER_BYTES = 16_384;
/** Watches hold one each; a fleet of some hundred machines has a few thousand. */
const MAX_CONNECTIONS = 8_192;
/** A connection that went silently is noticed after this and about ten seconds. */
const TCP_KEEP_ALIVE_MS = 10_000;
/** How long requests may go on when the server closes; watches end at once. */
const CLOSE_GRACE_MS = 2_000;

export interface ApiServerOptions {
  readonly service: ApiService;
  readonly authenticator: Authenticator;
  readonly logs: LogBroker;
  readonly clock: Clock;
  readonly log: Log;
  readonly identities: Identities;
  /** Version of mill, `1.2.3`. */
  readonly version: string;
  /** Id of the cluster, where its store has one. */
  readonly cluster?: string | undefined;
  /** PEM; plain HTTP where absent. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  /** Names under which clients reach it, beside loopback and the address it listens on. */
  readonly hostNames?: readonly string[] | undefined;
  /** Why the server cannot serve yet, in words; undefined where it can. */
  readonly whyNotReady?: (() => string | undefined) | undefined;
  readonly metrics?: readonly MetricSource[] | undefined;
  /** What a drain would do with a node; placement is no part of the API. */
  readonly planDrain?: ((node: Node) => DrainPlan) | undefined;
  readonly bookmarkIntervalMs?: number | undefined;
}

export interface ApiServer {
  /** @param port 0 takes a free one @returns the server's URL */
  listen(host: string, port: number): Promise<string>;
  /** Ends the watches, lets requests finish for a moment, and closes. */
  close(): Promise<void>;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { tls, clock, log } = options;
  /** Aborted when the server closes. */
  const open = new Set<AbortController>();
  let guard = new HostGuard(options.hostNames ?? [], tls ? 'https' : 'http');
  const handle = createRequestHandler(options, open, (request) => guard.check(request));
  const server = createServer(tls, (request, response) => void handle(request, response));
  server.on('clientError', (error, socket) => {
    log.debug({ error: error.message }, 'a connection sent what is not HTTP');
    if (socket.writable)
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    else socket.destroy();
  });
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        guard = new HostGuard([host, ...(options.hostNames ?? [])], tls ? 'https' : 'http');
        server.once('error', (cause) => reject(new Error(`cannot listen on ${host}:${port}`, { cause })));
        server.listen(port, host, () => resolve(urlOf(server, host, tls !== undefined)));
      }),
    close: () =>
      new Promise((resolve) => {
        for (const exchange of open) exchange.abort();
        const cancel = clock.schedule(CLOSE_GRACE_MS, () => server.closeAllConnections());
        server.close(() => {
          cancel();
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

function createServer(tls: ApiServerOptions['tls'], listener: RequestListener): Server {
  const limits: ServerOptions = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    // Bodies have their own time; that of a followed log has no end.
    requestTimeout: 0,
    connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    noDelay: true,
  };
  const server = tls
    ? createHttpsServer({ ...limits, ...tls, minVersion: 'TLSv1.2' }, listener)
    : createHttpServer(limits, listener);
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function urlOf(server: Server, host: string, secure: boolean): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `${secure ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
