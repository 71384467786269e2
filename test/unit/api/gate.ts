/** A way to a server that a test closes, or lets hang: connections are taken, and nothing goes through. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Gate {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #hangs = false;
  port = 0;
  /** Connections that were made. */
  connections = 0;

  /** @param target port of the server */
  constructor(target: number) {
    this.#target = target;
  }

  async open(): Promise<void> {
    const server = createServer((socket) => this.#take(socket));
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** As a killed process: what is open breaks, and nothing listens any more. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** As a process that is stopped. */
  hang(): void {
    this.#hangs = true;
  }

  #take(client: Socket): void {
    this.connections += 1;
    const server = connect(this.#target, '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (chunk) => {
        if (!this.#hangs) to.write(chunk);
      });
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        if (!this.#hangs) to.destroy();
      });
    }
  }
}
