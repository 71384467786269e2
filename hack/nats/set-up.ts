/** Gives servers their ports, folders and configuration files. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPortAllocator } from '../../runtime/ports.ts';
import { configurationOf, type Route } from './configuration.ts';
import type { Links } from './link.ts';
import type { Production } from './production.ts';
import { NatsServer } from './server.ts';

export interface Ports {
  readonly client: number;
  readonly monitor: number;
  readonly cluster: number;
}

export interface SetUp {
  readonly binary: string;
  readonly dir: string;
  readonly ports: readonly Ports[];
  readonly syncAlways: boolean;
  readonly config: readonly string[];
  /** Absent: the servers' own configuration is a plain one. */
  readonly production?: Production;
  /** Absent: they reach each other directly. */
  readonly links?: Links;
}

export const nameOf = (index: number): string => `nats-${index + 1}`;

/**
 * The ports of servers; those that they had before where their folder knows. They are outside the range of outgoing
 * connections: one of those would take the port of a server that is down.
 */
export async function reservePorts(dir: string, count: number): Promise<Ports[]> {
  const file = join(dir, 'ports.json');
  const known = await readFile(file, 'utf8').catch(() => undefined); // a new folder
  if (known) return JSON.parse(known) as Ports[];
  const allocator = createPortAllocator({ address: '127.0.0.1', random: Math.random });
  const ports: Ports[] = [];
  for (let index = 0; index < count; index++) {
    const reserved = await allocator.reserve(nameOf(index), ['client', 'monitor', 'cluster']);
    const [client = 0, monitor = 0, cluster = 0] = reserved.map(({ port }) => port);
    ports.push({ client, monitor, cluster });
  }
  await mkdir(dir, { recursive: true });
  await writeFile(file, JSON.stringify(ports));
  return ports;
}

/** Writes the files of a server. @returns the server, not started yet */
export async function setUpServer(setUp: SetUp, index: number): Promise<NatsServer> {
  const { ports, production } = setUp;
  const { client, monitor, cluster } = ports[index] ?? { client: 0, monitor: 0, cluster: 0 };
  const name = nameOf(index);
  const dir = join(setUp.dir, name);
  await mkdir(dir, { recursive: true });
  const isHidden = setUp.links !== undefined;
  const configuration = {
    name,
    clientPort: client,
    monitorPort: monitor,
    storeDir: join(dir, 'data'),
    syncAlways: setUp.syncAlways,
    ...(ports.length > 1
      ? { cluster: { port: cluster, routes: await routesOf(setUp, index), isHidden } }
      : {}),
    further: setUp.config,
  };
  const text = await (production?.configuration(configuration, dir) ?? configurationOf(configuration));
  const configFile = join(dir, 'nats-server.conf');
  await writeFile(configFile, text);
  return new NatsServer({
    name,
    binary: setUp.binary,
    configFile,
    logFile: join(dir, 'nats-server.log'),
    url: urlOf(client, production),
    monitorPort: monitor,
  });
}

export function urlOf(port: number, production: Production | undefined): string {
  return `${production ? 'tls' : 'nats'}://127.0.0.1:${port}`;
}

/** What leads from a server to the others. */
async function routesOf({ ports, links }: SetUp, from: number): Promise<Route[]> {
  const routes: Route[] = [];
  for (const [to, { cluster }] of ports.entries()) {
    if (to === from) continue;
    const port = links ? (await links.open(cluster, [from, to])).port : cluster;
    routes.push({ name: nameOf(to), port });
  }
  return routes;
}
