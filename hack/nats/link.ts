/** A TCP link on loopback that can be cut, so that a test can part one server or client from another. */
import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';

export interface Link {
  readonly port: number;
  /**
   * `silent`: nothing gets through and nobody is told, as when a cable is pulled; what is sent waits in the kernel's
   * buffers, and connections that are opened get no answer. `reset`: connections break, new ones are refused at once.
   */
  cut(how?: Cut): void;
  mend(): void;
  close(): Promise<void>;
}

export type Cut = 'silent' | 'reset';

/** The links of a cluster, each with the servers at its ends. */
export class Links {
  readonly #links: { readonly ends: readonly number[]; readonly link: Link }[] = [];

  /** Opens a link to a port of this machine. */
  async open(to: number, ends: readonly number[]): Promise<Link> {
    const link = await openLink(to);
    this.#links.push({ ends, link });
    return link;
  }

  /** Cuts every link that has a server at one of its ends. */
  cut(end: number, how?: Cut): void {
    for (const { ends, link } of this.#links) if (ends.includes(end)) link.cut(how);
  }

  mend(end: number): void {
    for (const { ends, link } of this.#links) if (ends.includes(end)) link.mend();
  }

  async close(): Promise<void> {
    await Promise.all(this.#links.map(({ link }) => link.close()));
  }
}

async function openLink(to: number): Promise<Link> {
  const near = new Set<Socket>();
  const far = new Map<Socket, Socket>();
  let cut: Cut | undefined;

  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    if (cut === 'reset') {
      socket.resetAndDestroy();
      return;
    }
    near.add(socket);
    socket.once('close', () => {
      near.delete(socket);
      far.get(socket)?.destroy();
      far.delete(socket);
    });
    if (!cut) forward(socket);
  });

  function forward(socket: Socket): void {
    const other = dial({ port: to, host: '127.0.0.1', noDelay: true });
    far.set(socket, other);
    socket.setNoDelay(true);
    other.on('error', () => other.destroy());
    other.once('close', () => socket.destroy());
    join(socket, other);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a link has no port');

  return {
    port: address.port,
    cut(how = 'silent') {
      cut = how;
      if (how === 'reset') for (const socket of near) socket.resetAndDestroy();
      else for (const [socket, other] of far) part(socket, other);
    },
    mend() {
      if (!cut) return;
      cut = undefined;
      for (const socket of near) {
        const other = far.get(socket);
        if (other) join(socket, other);
        else forward(socket);
      }
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of near) socket.destroy();
      await closed;
    },
  };
}

function join(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
}

/** Pausing is what keeps the bytes on their side: an unpiped socket would go on reading and lose them. */
function part(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.unpipe(to);
    from.pause();
  }
}
