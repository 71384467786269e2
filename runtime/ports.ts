/** Gives the allocs of a machine their ports: free ones, each to one alloc at a time. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** Below them live well-known servers and most things that people run by hand. */
const FIRST_PORT = 20_000;
/** Linux's default range for the local end of outgoing connections begins after it (ip(7), ip_local_port_range). */
const LAST_PORT = 32_767;
/** Ports tried for one name before giving up: with so many taken, something is wrong with the machine. */
const MAX_ATTEMPTS = 200;
/** A range smaller than this is of no use; the default is taken then, and the bind check has to do. */
const MIN_RANGE = 1_000;

export interface Port {
  readonly name: string;
  readonly port: number;
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface PortAllocator {
  /**
   * Ports for an alloc, one a name; the same ones where it has them already.
   * @throws Error where no free port is found
   */
  reserve(alloc: string, names: readonly string[]): Promise<readonly Port[]>;
  /** Takes note of the ports that a running alloc has from an earlier agent. */
  adopt(alloc: string, ports: readonly Port[]): void;
  release(alloc: string): void;
}

export interface PortAllocatorOptions {
  /** Address of the node: the ports are free there. */
  readonly address: string;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  /** Default: outside the range of outgoing connections, which would take a port at any moment. */
  readonly range?: PortRange;
  /** Default: whether the port can be listened on. */
  readonly isFree?: (address: string, port: number) => Promise<boolean>;
}

/** One for all agents of a process that share an address. */
export function createPortAllocator(options: PortAllocatorOptions): PortAllocator {
  const { address, random, isFree = canListen } = options;
  const range = options.range ?? systemRange();
  const byAlloc = new Map<string, readonly Port[]>();
  const taken = new Set<number>();

  async function findFree(): Promise<number> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const port = range.first + Math.floor(random() * (range.last - range.first + 1));
      if (taken.has(port)) continue;
      // Taken while it is being checked: another alloc must not be given it meanwhile.
      taken.add(port);
      if (await isFree(address, port)) return port;
      taken.delete(port);
    }
    throw new Error(`no free port on ${address} between ${range.first} and ${range.last}`);
  }

  return {
    async reserve(alloc, names) {
      const known = byAlloc.get(alloc);
      if (known) return known;
      const ports: Port[] = [];
      try {
        for (const name of names) ports.push({ name, port: await findFree() });
      } catch (error) {
        for (const { port } of ports) taken.delete(port);
        throw error;
      }
      byAlloc.set(alloc, ports);
      return ports;
    },
    adopt(alloc, ports) {
      this.release(alloc);
      byAlloc.set(alloc, ports);
      for (const { port } of ports) taken.add(port);
    },
    release(alloc) {
      for (const { port } of byAlloc.get(alloc) ?? []) taken.delete(port);
      byAlloc.delete(alloc);
    },
  };
}

/** What is below the range of outgoing connections, or above it where nothing is left below. */
export function rangeOutside(ephemeral: PortRange): PortRange {
  const below = { first: FIRST_PORT, last: Math.min(LAST_PORT, ephemeral.first - 1) };
  if (below.last - below.first >= MIN_RANGE) return below;
  const above = { first: ephemeral.last + 1, last: 65_535 };
  return above.last - above.first >= MIN_RANGE ? above : { first: FIRST_PORT, last: LAST_PORT };
}

function systemRange(): PortRange {
  try {
    const text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const [first = LAST_PORT + 1, last = 60_999] = text.trim().split(/\s+/).map(Number);
    return rangeOutside({ first, last });
  } catch {
    return { first: FIRST_PORT, last: LAST_PORT }; // not Linux, or a /proc that hides it: the defaults hold
  }
}

async function canListen(address: string, port: number): Promise<boolean> {
  const result = await listenOnce(address, port);
  // The node is reached under an address that this machine does not have itself (NAT).
  const isElsewhere = result === 'EADDRNOTAVAIL' || result === 'ENOTFOUND';
  return (isElsewhere ? await listenOnce('0.0.0.0', port) : result) === 'free';
}

function listenOnce(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve('free')));
  });
}
