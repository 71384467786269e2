/** One port that the gateway listens on: opens it, accepts, and hands each connection to the right protocol. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../api/clock.ts';
import type { Log } from '../../api/log.ts';
import { detect, SILENCE_MS } from './detect.ts';
import { HttpExchange } from './http-exchange.ts';
import { MAX_HEADER_BYTES } from './http-rejection.ts';
import { UpgradeExchange } from './http-upgrade.ts';
import { KEEP_ALIVE_PROBE_MS } from './member.ts';
import type { ServicePort } from './service-port.ts';
import { TcpConnection } from './tcp-connection.ts';

/** How long a client may take over a request's head. Milliseconds. */
const HEADERS_TIMEOUT_MS = 60_000;

/** How often clients that are too slow are looked for. Milliseconds. */
const SLOW_CLIENT_CHECK_MS = 5_000;

/** How long an idle client connection is kept. Milliseconds; longer than clients and load balancers keep theirs (60 s). */
const KEEP_ALIVE_MS = 75_000;

/** Waits between attempts to open a port: the first and the longest. Milliseconds. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

const NOTHING: Buffer = Buffer.alloc(0);

interface ListenerOptions {
  readonly host: string;
  readonly gatewayPort: number;
  readonly clock: Clock;
  readonly log: Log;
  /** The port was opened, or could not be. */
  readonly onChange: () => void;
}

export class Listener {
  /** Whom this port serves. May change while connections are open: the next request then goes to the new one. */
  served: ServicePort;
  /** Why the port is not open. */
  problem: string | undefined;
  /** Resolves when the port is closed and so is the last of its connections. */
  readonly closed: Promise<void>;
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #state: 'opening' | 'open' | 'waiting' | 'closing' = 'opening';
  #retryMs = FIRST_RETRY_MS;
  #cancelRetry: () => void = () => {};

  constructor(options: ListenerOptions, served: ServicePort) {
    this.#options = options;
    this.served = served;
    this.#server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: SLOW_CLIENT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // A large upload takes as long as it takes.
      requestTimeout: 0,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
    });
    this.closed = new Promise((resolve) => this.#server.once('close', resolve));
    this.#server.on('listening', () => this.#opened()).on('error', (error) => this.#failed(error));
    this.#serve();
    this.#open();
  }

  /** It is open, or `problem` says why it is not: nothing is under way. */
  get isSettled(): boolean {
    return this.#state === 'open' || this.#state === 'waiting';
  }

  /** Accepts nothing more; what is in flight goes on. */
  close(): void {
    const before = this.#state;
    this.#state = 'closing';
    this.#cancelRetry();
    if (before === 'open') this.#server.close();
    // One that is still opening closes as soon as it knows how that went.
    if (before === 'waiting') this.#server.emit('close');
    for (const socket of this.#sockets)
      if (socket.bytesRead === 0 && socket.bytesWritten === 0) socket.destroy();
  }

  /** Ends what is still in flight after `close`. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(): void {
    this.#state = 'opening';
    const { host, gatewayPort } = this.#options;
    this.#server.listen({ host, port: gatewayPort, exclusive: true });
  }

  #opened(): void {
    if (this.#state === 'closing') {
      this.#server.close();
      return;
    }
    this.#state = 'open';
    this.#retryMs = FIRST_RETRY_MS;
    this.problem = undefined;
    this.#options.onChange();
  }

  #failed(error: Error): void {
    const { clock, gatewayPort, log, onChange } = this.#options;
    // Accepting one connection failed (too many open files, say); the port stays open for the next one.
    if (this.#server.listening) {
      log.warn({ err: error, gatewayPort }, 'a connection was not accepted');
      return;
    }
    if (this.#state === 'closing') {
      this.#server.emit('close');
      return;
    }
    this.#state = 'waiting';
    const isNews = this.problem === undefined;
    this.problem = `port ${gatewayPort} cannot be opened: ${error.message}`;
    this.#cancelRetry = clock.schedule(this.#retryMs, () => this.#open());
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    if (isNews) log.warn({ service: this.served.service, gatewayPort }, this.problem);
    onChange();
  }

  #serve(): void {
    const server = this.#server;
    // The protocol is known only after a look at the bytes, so this comes before HTTP's own way of accepting.
    const [acceptHttp] = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (client: Socket) => {
      this.#accept(client, (prefix) => {
        if (client.destroyed) return;
        if (prefix.length > 0) client.unshift(prefix);
        acceptHttp?.call(server, client);
        client.resume();
      });
    });
    const forward = (request: IncomingMessage, response: ServerResponse) => this.#forward(request, response);
    server.on('request', forward).on('checkContinue', forward);
    const upgrade = (request: IncomingMessage, client: Duplex, head: Buffer) => {
      if (client instanceof Socket) new UpgradeExchange(request, client, head, this.served).start();
    };
    server.on('upgrade', upgrade).on('connect', upgrade);
  }

  #accept(client: Socket, acceptHttp: (prefix: Buffer) => void): void {
    // Whoever holds the socket sees its close; without this a reset at the wrong moment would end the process.
    client.on('error', () => {});
    this.#sockets.add(client);
    client.once('close', () => this.#sockets.delete(client));
    const { protocol } = this.served;
    if (protocol === 'http') {
      acceptHttp(NOTHING);
      return;
    }
    if (protocol === 'tcp') {
      this.#splice(client, NOTHING);
      return;
    }
    detect(client, this.#options.clock, SILENCE_MS, (verdict, prefix) => {
      if (verdict === 'http' || (verdict === 'silent' && this.served.pool.speaksHttp)) acceptHttp(prefix);
      else if (verdict === 'tcp') this.#splice(client, prefix);
      else this.#splice(client, prefix, acceptHttp);
    });
  }

  #splice(client: Socket, prefix: Buffer, switchToHttp?: (prefix: Buffer) => void): void {
    const { clock } = this.#options;
    const options = { clock, port: this.served, client, prefix };
    new TcpConnection(switchToHttp === undefined ? options : { ...options, switchToHttp }).start();
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    if (this.#state === 'closing') response.shouldKeepAlive = false;
    // The answer's head may have promised to keep a connection which nobody wants any more by its end.
    response.once('finish', () => {
      if (this.#state === 'closing') setImmediate(() => this.#server.closeIdleConnections());
    });
    new HttpExchange(request, response, this.served).start();
  }
}
