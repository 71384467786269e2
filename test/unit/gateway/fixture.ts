/** Real backends, clients and a gateway on loopback; everything that a test opened is closed after it. */
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { type Clock, systemClock } from '../../../api/clock.ts';
import { silentLog } from '../../../api/log.ts';
import { Gateway } from '../../../runtime/gateway/gateway.ts';
import type { Backend, RoutedPort } from '../../../runtime/gateway/routes.ts';

const HOST = '127.0.0.1';
const cleanups: (() => unknown)[] = [];

export async function closeEverything(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

export interface TestBackend extends Backend {
  /** How many requests or connections it got. */
  readonly seen: { count: number };
  /** As a process that exits: its port and all of its connections are gone. */
  exit(): void;
}

export async function httpBackend(alloc: string, handler?: http.RequestListener): Promise<TestBackend> {
  const seen = { count: 0 };
  const server = http.createServer((request, response) => {
    seen.count += 1;
    if (handler === undefined) response.end(alloc);
    else handler(request, response);
  });
  server.on('upgrade', (request, socket) => {
    seen.count += 1;
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  const exit = () => {
    server.close();
    server.closeAllConnections();
  };
  return started(alloc, server, seen, exit);
}

export async function tcpBackend(alloc: string, serve: (socket: net.Socket) => void): Promise<TestBackend> {
  const seen = { count: 0 };
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    seen.count += 1;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    serve(socket);
  });
  const exit = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return started(alloc, server, seen, exit);
}

async function started(
  alloc: string,
  server: net.Server,
  seen: { count: number },
  exit: () => void,
): Promise<TestBackend> {
  server.listen(0, HOST);
  await once(server, 'listening');
  cleanups.push(exit);
  return { alloc, host: HOST, port: portOf(server), seen, exit };
}

/** A backend that nobody listens on. */
export async function deadBackend(alloc: string): Promise<Backend> {
  return { alloc, host: HOST, port: await freePort() };
}

function portOf(server: net.Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server is not listening');
  return address.port;
}

/** A port below the range from which the kernel picks clients' ports, so that nobody takes it in between. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = net.createServer().listen(port, HOST);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** A gateway that serves one service, `web`, on one port. */
export class ServedService {
  readonly gateway: Gateway;
  readonly gatewayPort: number;
  readonly #protocol: RoutedPort['protocol'];

  private constructor(gateway: Gateway, gatewayPort: number, protocol: RoutedPort['protocol']) {
    this.gateway = gateway;
    this.gatewayPort = gatewayPort;
    this.#protocol = protocol;
  }

  static async start(
    protocol: RoutedPort['protocol'],
    backends: readonly Backend[],
    clock: Clock = systemClock,
  ): Promise<ServedService> {
    const gateway = newGateway(clock);
    const served = new ServedService(gateway, await freePort(), protocol);
    served.route(...backends);
    await gateway.listening();
    return served;
  }

  route(...backends: readonly Backend[]): void {
    const { gatewayPort } = this;
    const port = { name: 'main', gatewayPort, protocol: this.#protocol, backends };
    this.gateway.apply({ service: 'web', ports: [port], drainTimeoutMs: 30_000 });
  }

  /** Resolves when nothing drains any more. */
  async drained(): Promise<void> {
    if (this.gateway.draining().length === 0) return;
    await new Promise<void>((resolve) => {
      this.gateway.onDrained(() => {
        if (this.gateway.draining().length === 0) resolve();
      });
    });
  }

  get failures(): number {
    return this.gateway.metrics().web?.failures ?? 0;
  }

  fetch(options: http.RequestOptions & { body?: string | Buffer } = {}): Promise<Answer> {
    return fetchFrom(this.gatewayPort, options);
  }

  /** A raw connection. */
  connect(): RawClient {
    return new RawClient(this.gatewayPort);
  }
}

export function newGateway(clock: Clock = systemClock): Gateway {
  const gateway = new Gateway({ host: HOST, clock, log: silentLog });
  cleanups.push(() => gateway.close(0));
  return gateway;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: string;
}

export async function fetchFrom(
  port: number,
  { body, ...options }: http.RequestOptions & { body?: string | Buffer },
): Promise<Answer> {
  const request = http.request({ host: HOST, port, agent: false, ...options }).end(body);
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  const { statusCode = 0, headers, trailers } = answer;
  return { status: statusCode, headers, trailers, body: Buffer.concat(chunks).toString('latin1') };
}

/** Keep-alive client that is closed after the test. */
export function keepAliveAgent(maxSockets: number): http.Agent {
  const agent = new http.Agent({ keepAlive: true, maxSockets });
  cleanups.push(() => agent.destroy());
  return agent;
}

export class RawClient {
  readonly socket: net.Socket;
  received = '';
  readonly #closed: Promise<unknown>;

  constructor(port: number) {
    this.socket = net.connect({ host: HOST, port, allowHalfOpen: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text) => {
      this.received += text;
    });
    this.socket.on('error', () => {});
    this.#closed = new Promise((resolve) => this.socket.once('close', resolve));
    cleanups.push(() => this.socket.destroy());
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Resolves once the text has come. */
  async expect(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.socket.destroyed) throw new Error(`closed before "${text}" came; received: ${this.received}`);
      await Promise.race([once(this.socket, 'data'), this.#closed]);
    }
  }

  /** Everything up to the end of the stream. */
  async rest(): Promise<string> {
    if (!this.socket.readableEnded && !this.socket.destroyed) {
      await Promise.race([new Promise((resolve) => this.socket.once('end', resolve)), this.#closed]);
    }
    return this.received;
  }

  async closed(): Promise<void> {
    await this.#closed;
  }
}

/** A promise and its key. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Time moves only by `advance`. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ atMs: number; callback: () => void }>();
  #onSchedule: (() => void)[] = [];

  now(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    for (const wake of this.#onSchedule.splice(0)) wake();
    return () => this.#timers.delete(timer);
  }

  /** Resolves once so many timers wait for exactly this long. */
  async scheduled(delayMs: number, count = 1): Promise<void> {
    while ([...this.#timers].filter((timer) => timer.atMs - this.#nowMs === delayMs).length < count) {
      await new Promise<void>((resolve) => this.#onSchedule.push(resolve));
    }
  }

  advance(byMs: number): void {
    this.#nowMs += byMs;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#nowMs || !this.#timers.delete(timer)) continue;
      timer.callback();
    }
  }
}
