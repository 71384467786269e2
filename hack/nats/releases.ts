/** The servers that mill is tested against and measured beside, and the Debian suite that each comes from. */

/** A program in a package of a Debian suite. */
export interface Release {
  /** Folder of the cache that it is kept in. */
  readonly program: 'nats' | 'etcd';
  readonly suite: 'bookworm' | 'trixie' | 'sid';
  readonly package: string;
  /** Path of the executable inside the package. */
  readonly path: string;
}

export type NatsRelease = 'current' | 'stable' | 'old';

/**
 * `current` (Debian unstable, 2.15.1 at the time of writing) is what mill recommends; `stable` (Debian 13, 2.10.27) is
 * the oldest that may hold three replicas; `old` (Debian 12, 2.9.10) is allowed with one replica only.
 */
export const NATS_RELEASES: Readonly<Record<NatsRelease, Release>> = {
  current: { program: 'nats', suite: 'sid', package: 'nats-server', path: 'usr/sbin/nats-server' },
  stable: { program: 'nats', suite: 'trixie', package: 'nats-server', path: 'usr/sbin/nats-server' },
  old: { program: 'nats', suite: 'bookworm', package: 'nats-server', path: 'usr/sbin/nats-server' },
};

/** What the benches measure beside JetStream. */
export const ETCD_RELEASE: Release = {
  program: 'etcd',
  suite: 'trixie',
  package: 'etcd-server',
  path: 'usr/bin/etcd',
};
