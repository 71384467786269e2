/** Stores in real NATS servers, for tests that do not care for most of what a server is told. */
import { systemClock } from '../../api/clock.ts';
import { silentLog } from '../../api/log.ts';
import type { Nats } from '../../hack/nats/servers.ts';
import type { NatsOptions } from '../../runtime/store/jetstream/connection.ts';
import {
  type JetStreamStore,
  type JetStreamStoreOptions,
  openJetStreamStore,
} from '../../runtime/store/jetstream/store.ts';

type Told = Pick<JetStreamStoreOptions, 'nats' | 'dir'> & Partial<JetStreamStoreOptions>;

/** In the bucket `mill`, of the server `one`, with no rules, where nothing else is said. */
export function openStore(told: Told): Promise<JetStreamStore> {
  return openJetStreamStore({
    bucket: 'mill',
    serverId: 'one',
    clock: systemClock,
    log: silentLog,
    admission: () => {},
    ...told,
  });
}

/** How `mill server` comes to servers that were started as `production`. */
export function productionOptions({ urls, production }: Nats): NatsOptions {
  const { user, pass } = production.logins.mill;
  return { servers: urls, user, password: pass, tls: { caFile: production.caFile } };
}
