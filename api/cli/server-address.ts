/** The addresses of servers as people write them: a URL, or `HOST:PORT`; several with commas between. */
import { UsageError } from './exit.ts';

export const DEFAULT_SERVER = '127.0.0.1:4400';
const DEFAULT_PORT = '4400';
const MAX_PORT = 65_535;
/** All of them mean this machine: a context written for one is found by the others. */
const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]', '0.0.0.0', '[::]'];

export interface ServerAddress {
  /** Given explicitly, or undefined: the context says which. */
  readonly scheme?: 'http' | 'https';
  /** IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
  /** Key of the context: one for all spellings of an address. */
  readonly key: string;
}

/** @throws UsageError where the text is no address */
export function parseServer(text: string): ServerAddress {
  const match = /^(?:(https?):\/\/)?(\[[0-9a-fA-F:.]+\]|[^\s:/[\]@?#]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const port = Number(match?.[3] ?? DEFAULT_PORT);
  const host = match?.[2]?.toLowerCase();
  if (!match || !host || port < 1 || port > MAX_PORT) {
    throw new UsageError(`--server "${text}": write a URL such as https://127.0.0.1:4400, or HOST:PORT`);
  }
  const keyHost = LOOPBACK_HOSTS.includes(host) ? '127.0.0.1' : host;
  const scheme = match[1] as 'http' | 'https' | undefined;
  return { ...(scheme ? { scheme } : {}), host, port, key: `${keyHost}:${port}` };
}

/** Addresses of the servers of one cluster, with commas between. @throws UsageError where one is no address */
export function parseServers(text: string): readonly [ServerAddress, ...ServerAddress[]] {
  const [first = '', ...others] = text.split(',').map((part) => part.trim());
  return [parseServer(first), ...others.map(parseServer)];
}

/** Checks where to listen: `HOST:PORT`, port 0 for any free one. @throws UsageError where the text is no address */
export function checkListen(text: string): string {
  const port = Number(/^(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]@?#]+):(\d{1,5})$/.exec(text)?.[1] ?? Number.NaN);
  if (port >= 0 && port <= MAX_PORT) return text;
  throw new UsageError(`--listen "${text}": write HOST:PORT, for example ${DEFAULT_SERVER}`);
}

/** The URL to call; `scheme` is taken where the address names none. */
export const serverUrl = (address: ServerAddress, scheme: 'http' | 'https'): string =>
  `${address.scheme ?? scheme}://${address.host}:${address.port}`;
