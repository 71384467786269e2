/** One port that the gateway listens on: opens it, accepts, and hands each connection to the right protocol. */
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { detect, SILENCE_MS } from './detect.ts';
import { HttpExchange } from './http-exchange.ts';
import { MAX_HEADER_BYTES } from './http-rejection.ts';
import { UpgradeExchange } from './http-upgrade.ts';
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

export interface ListenerOptions {
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
  #isClosing = false;
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
    });
    this.closed = new Promise((resolve) => this.#server.once('close', resolve));
    this.#serve();
    this.#open();
  }

  get isOpen(): boolean {
    return this.#server.listening;
  }

  /** Accepts nothing more; what is in flight goes on. */
  close(): void {
    this.#isClosing = true;
    this.#cancelRetry();
    if (this.isOpen) this.#server.close();
    else this.#server.emit('close');
    for (const socket of this.#sockets) if (socket.bytesRead === 0 && socket.bytesWritten === 0) socket.destroy();
  }

  /** Ends what is still in flight after `close`. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(): void {
    const server = this.#server;
    // The protocol is known only after a look at the connection, so this comes before HTTP's own way of accepting.
    const [acceptHttp] = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (client: Socket) => {
      this.#accept(client, (prefix) => {
        if (prefix.length > 0) client.unshift(prefix);
        acceptHttp?.call(server, client);
        client.resume();
      });
    });
    const forward = (...[request, response]: Parameters<typeof onRequest>) => onRequest(request, response);
    const onRequest = this.#forward.bind(this);
    server.on('request', forward).on('checkContinue', forward);
  }
}
