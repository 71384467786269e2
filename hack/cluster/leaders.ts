/** Who leads what in a local cluster, for those who want to kill it. */
import { readContext } from '../../api/cli/context.ts';
import { createHttpClient, type HttpClient } from '../../api/client/http.ts';
import type { Program } from '../program.ts';
import type { Cluster } from './cluster.ts';

/** The stream of the objects. */
const STREAM = 'KV_mill';

/** A client of all its servers, as its operator; it is the caller's to close. */
export async function clientOf({ urls, env }: Cluster): Promise<HttpClient> {
  const [first = ''] = urls;
  const context = await readContext(first, env);
  if (!context) throw new Error(`${first} has written no context`);
  return createHttpClient({ ...context, server: urls });
}

/** Kills the mill server that leads a role, and at once the NATS server that leads the stream. @returns the two */
export async function killLeaders(cluster: Cluster, client: HttpClient, role: string): Promise<Program[]> {
  const { spec } = await client.get('Leadership', role);
  const server = cluster.program(spec.server ?? `server that leads ${role}`);
  await server.kill();
  const nats = await cluster.nats.leader(STREAM);
  await nats.kill();
  return [server, nats];
}
