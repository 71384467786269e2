/** The configuration file of one nats-server of a test, a bench or a local cluster. */

export interface ServerConfiguration {
  readonly name: string;
  readonly clientPort: number;
  readonly monitorPort: number;
  readonly storeDir: string;
  /** Every write is on disk before it is acknowledged. From 2.10 on; 2.9 rejects the setting. */
  readonly syncAlways: boolean;
  /** Absent: a lone server. */
  readonly cluster?: ClusterConfiguration;
  /** Further lines, such as `accounts {…}`. */
  readonly further: readonly string[];
}

interface ClusterConfiguration {
  readonly port: number;
  /** Where each of the others is dialled; through a link where it can be cut. */
  readonly routes: readonly Route[];
  /**
   * The servers tell each other where the rest can be dialled, and clients as well: with links in between nobody is to
   * learn a way around them. The routes above are dialled for ever, a heard-of one only once, and port 1 refuses.
   */
  readonly isHidden: boolean;
}

export interface Route {
  readonly name: string;
  readonly port: number;
}

/** @returns the text of the file */
export function configurationOf(server: ServerConfiguration): string {
  return [
    `server_name: ${server.name}`,
    `listen: 127.0.0.1:${server.clientPort}`,
    `http: 127.0.0.1:${server.monitorPort}`,
    `jetstream {`,
    `  store_dir: ${JSON.stringify(server.storeDir)}`,
    ...(server.syncAlways ? ['  sync_interval: always'] : []),
    '}',
    ...(server.cluster ? clusterBlock(server.cluster) : []),
    ...server.further,
    '',
  ].join('\n');
}

function clusterBlock({ port, routes, isHidden }: ClusterConfiguration): string[] {
  return [
    'cluster {',
    '  name: mill',
    `  listen: 127.0.0.1:${port}`,
    `  routes: [${routes.map((route) => `nats://127.0.0.1:${route.port}`).join(', ')}]`,
    ...(isHidden ? ['  no_advertise: true', '  advertise: 127.0.0.1:1'] : []),
    '}',
  ];
}
