/**
 * Refuses requests that a web page makes the browser send: `Host` must be a name of this server (a name that was
 * rebound to loopback is not), and an `Origin` must be this server's own.
 */
import type { IncomingMessage } from 'node:http';
import { ApiError } from '../../errors.ts';

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '::1'];

export class HostGuard {
  readonly #names: ReadonlySet<string>;
  readonly #scheme: 'http' | 'https';

  /** @param names host names and addresses beside loopback and the address that the connection came in on */
  constructor(names: readonly string[], scheme: 'http' | 'https') {
    this.#names = new Set([...LOOPBACK, ...names].map((name) => name.toLowerCase()));
    this.#scheme = scheme;
  }

  /** @throws ApiError Forbidden */
  check({ headers, socket }: IncomingMessage): void {
    const host = headers.host ?? '';
    const name = hostName(host);
    if (name === undefined || !(this.#names.has(name) || isLocalAddress(name, socket.localAddress))) {
      throw new ApiError('Forbidden', `"${host}" is not a name of this server`);
    }
    const { origin } = headers;
    if (origin !== undefined && origin.toLowerCase() !== `${this.#scheme}://${host.toLowerCase()}`) {
      throw new ApiError('Forbidden', `requests from the web page at "${origin}" are refused`);
    }
  }
}

/** The name in a `Host` header, without its port; undefined where there is none. */
function hostName(host: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]@/\s]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  return (bracketed ?? plain)?.toLowerCase();
}

/** A page's own name cannot be an address: whoever names the address itself has met no rebinding. */
const isLocalAddress = (name: string, address: string | undefined): boolean =>
  address !== undefined && (name === address || `::ffff:${name}` === address);
