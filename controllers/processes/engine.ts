/** The store that a server process stands on: embedded in it, or a NATS cluster's, which it shares with other servers. */
import type { NatsTarget } from '../../api/cli/processes.ts';
import type { Clock } from '../../api/clock.ts';
import type { LeaseSpec } from '../../api/kinds/lease.ts';
import type { Log } from '../../api/log.ts';
import { admission } from '../../api/rules/index.ts';
import type { Reader, Store } from '../../api/store.ts';
import { openEmbeddedStore } from '../../runtime/store/embedded.ts';

export interface Engine {
  readonly store: Store;
  /** Nobody else can have the store open. */
  readonly isAlone: boolean;
  /** Absent where it is alone: a data directory has no name. */
  readonly clusterId?: string;
  /** The NATS servers that keep it, as this server sees them now. */
  readonly natsServers?: () => NonNullable<LeaseSpec['natsServers']>;
  /**
   * A secret that all servers of the cluster share, made by whoever comes first. Absent: there are no others, and this
   * server's own files hold it.
   */
  readonly sharedSecret?: (name: string, make: () => Promise<string>) => Promise<string>;
  close(): Promise<void>;
}

export interface EngineOptions {
  /** Directory of the embedded store, or of what this server remembers of the stream. */
  readonly dir: string;
  /** Absent: the embedded store. */
  readonly nats?: NatsTarget;
  readonly server: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The server that decides for all; undefined while there is none, or it is dead. */
  readonly writer: (state: Reader) => string | undefined;
}

/** @throws Error in one line where it cannot be opened */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { dir, clock, log, nats } = options;
  if (nats) return (await import('./nats-engine.ts')).openNatsEngine(options, nats);
  const store = await openEmbeddedStore({ dir, clock, log, admission });
  return { store, isAlone: true, close: () => store.close() };
}
