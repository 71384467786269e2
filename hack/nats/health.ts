/** What NATS servers say about JetStream: in their monitors, and when they are asked for a stream. */
import { connect, StorageType } from 'nats';
import type { NatsServer } from './server.ts';

/** Who may make streams, where the servers ask for a login. */
export interface Login {
  readonly user: string;
  readonly pass: string;
  readonly tls: { readonly ca: string };
}

const PROBE = 'mill-probe';
/** An API that has no leader yet does not answer at all. */
const PROBE_TIMEOUT_MS = 2_000;

/** Whether a server says of itself that it leads a stream: what it says of others may be old. */
export async function leadsStream(server: NatsServer, stream: string): Promise<boolean> {
  const { account_details: accounts = [] } = await report(server, '?streams=true');
  const streams = accounts.flatMap((account) => account.stream_detail ?? []);
  const found = streams.find(({ name }) => name === stream);
  // A lone server reports no cluster: it leads what it has.
  return found !== undefined && (found.cluster?.leader ?? server.name) === server.name;
}

/** Whether a server leads the servers' own group, which decides where streams go. */
export async function leadsServers(server: NatsServer): Promise<boolean> {
  return (await report(server, '')).meta_cluster?.leader === server.name;
}

/** Whether a server knows a leader and has all that it should have. */
export async function isHealthy(server: NatsServer): Promise<boolean> {
  return (await server.ask('/healthz'))?.ok ?? false;
}

/**
 * Makes a stream with a replica on each server and deletes it again: health checks do not say whether that works. A server
 * that has just started is taken for one without JetStream until the others hear its statistics, up to 10 s later; "no
 * suitable peers" is the answer until then.
 */
export async function canPlaceStreams(urls: readonly string[], login?: Partial<Login>): Promise<boolean> {
  const connection = await connect({
    ...login,
    servers: [...urls],
    timeout: PROBE_TIMEOUT_MS,
    reconnect: false,
  });
  try {
    const { streams } = await connection.jetstreamManager({ timeout: PROBE_TIMEOUT_MS });
    await streams.add({
      name: PROBE,
      subjects: [PROBE],
      storage: StorageType.Memory,
      num_replicas: urls.length,
    });
    return await streams.delete(PROBE);
  } catch {
    return false; // not yet: the caller asks again, within its bound
  } finally {
    await connection.close();
  }
}

async function report(server: NatsServer, query: string): Promise<Report> {
  const response = await server.ask(`/jsz${query}`);
  return response?.ok ? ((await response.json()) as Report) : {};
}

interface Report {
  readonly meta_cluster?: { readonly leader?: string };
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name: string;
      readonly cluster?: { readonly leader?: string };
    }[];
  }[];
}
