/** Several servers of one store: the real API over HTTPS, each with a copy of its own and behind a gate. */
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../../../api/client/http.ts';
import { systemClock } from '../../../api/clock.ts';
import { silentLog } from '../../../api/log.ts';
import { Authenticator } from '../../../api/server/authn.ts';
import { createApiServer } from '../../../api/server/http/server.ts';
import { randomIdentities } from '../../../api/server/identities.ts';
import { LogBroker } from '../../../api/server/logs.ts';
import { ApiService } from '../../../api/server/service.ts';
import type { Certificates } from '../../../api/server/tls.ts';
import { FakeStore } from './fake-store.ts';
import { Gate } from './gate.ts';
import { StoreCopy } from './store-copy.ts';
import { controller } from './world.ts';

/** Of mill's own processes, which may write what operators may not. */
const TOKEN = 'controller-token';

export interface ClusterServer {
  readonly url: string;
  readonly copy: StoreCopy;
  readonly service: ApiService;
  readonly logs: LogBroker;
  readonly gate: Gate;
}

export interface Cluster {
  readonly store: FakeStore;
  readonly servers: readonly ClusterServer[];
  /** A client that knows all of them. */
  client(options?: Partial<HttpClientOptions>): HttpClient;
  close(): Promise<void>;
}

export async function startCluster(size: number, tls: Certificates): Promise<Cluster> {
  const store = new FakeStore();
  const started = await Promise.all(Array.from({ length: size }, () => startServer(store, tls)));
  const servers = started.map(({ server }) => server);
  const clients: HttpClient[] = [];
  return {
    store,
    servers,
    client(options = {}) {
      const client = createHttpClient({
        server: servers.map(({ url }) => url),
        token: TOKEN,
        ca: tls.ca,
        ...options,
      });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.close();
      await Promise.all(started.map(({ close }) => close()));
    },
  };
}

async function startServer(store: FakeStore, tls: Certificates) {
  const copy = new StoreCopy(store);
  const service = new ApiService({ store: copy, clock: systemClock });
  const logs = new LogBroker({ clock: systemClock });
  const api = createApiServer({
    service,
    logs,
    authenticator: new Authenticator(copy.state, [{ token: TOKEN, actor: controller }]),
    clock: systemClock,
    log: silentLog,
    identities: randomIdentities,
    version: '1.2.3',
    tls,
  });
  const gate = new Gate(Number(new URL(await api.listen('127.0.0.1', 0)).port));
  await gate.open();
  const server = { url: `https://127.0.0.1:${gate.port}`, copy, service, logs, gate };
  return {
    server,
    async close() {
      await gate.close();
      await api.close();
    },
  };
}
