/** `mill agent`: runs the workloads of this machine, in a process of its own. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentOptions } from '../../api/cli/processes.ts';
import { ConnectionError } from '../../api/client/client.ts';
import { createHttpClient, type HttpClient } from '../../api/client/http.ts';
import { sleep, systemClock } from '../../api/clock.ts';
import { isApiError } from '../../api/errors.ts';
import type { Log } from '../../api/log.ts';
import type { LogHandler } from '../../api/server/logs.ts';
import { createExecDriver } from '../../runtime/drivers/exec/driver.ts';
import { createLocalVolumeDriver } from '../../runtime/drivers/local-volume.ts';
import type { WorkloadDriver } from '../../runtime/drivers/workload.ts';
import { createMemoryMesh } from '../../runtime/mesh/memory.ts';
import { startAgent } from './agent.ts';
import { WITH_ONE_SERVER, WITH_SEVERAL_SERVERS } from './agent-times.ts';
import { createLog } from './logger.ts';
import { untilSignal } from './signals.ts';

/** From SIGTERM to SIGKILL for what runs on a node that was removed: it serves nobody any more. */
const LEFTOVER_GRACE_MS = 5_000;
const DEFAULT_ADDRESS = '127.0.0.1';
/** Between two attempts to answer the servers' requests for logs, after the connection broke. */
const LOG_RECONNECT_MS = 1_000;

/** Runs until SIGTERM or SIGINT (the next agent adopts its workloads), or until its node is removed. @returns the exit code */
export async function runAgent(options: AgentOptions): Promise<number> {
  const { node, servers, ca, data, address = DEFAULT_ADDRESS } = options;
  const stopped = untilSignal();
  const log = createLog(options.logLevel);
  const workloads = createExecDriver({ dir: join(data, 'exec'), clock: systemClock, log, node });
  const token = await credential(options).catch(async (error: unknown) => {
    // A node that may not come back must not go on with what an earlier agent left either.
    if (isApiError(error, 'Unauthorized')) await stopLeftovers(workloads);
    throw error;
  });
  const client = createHttpClient({ server: servers, token, ca, clock: systemClock });
  const agent = startAgent({
    node,
    client,
    clock: systemClock,
    random: Math.random,
    log,
    address,
    workloads,
    volumes: createLocalVolumeDriver({ dir: join(data, 'volumes') }),
    mesh: createMemoryMesh({ random: Math.random }),
    serveLogs: (handler) => serveLogs({ ...options, token }, handler, log),
    ...(servers.length > 1 ? WITH_SEVERAL_SERVERS : WITH_ONE_SERVER),
  });
  await Promise.race([agent.ready, agent.closed]);
  process.stdout.write(`mill agent is ready: node ${node} of ${servers.join(',')}\n`);
  const end = await Promise.race([agent.closed, stopped]);
  if (end !== 'removed') await agent.close({ stopWorkloads: false });
  else log.info({ node }, 'the node was removed from the fleet: nothing of it runs here any more');
  client.close();
  return 0;
}

async function stopLeftovers(workloads: WorkloadDriver): Promise<void> {
  const left = await workloads.recover();
  await Promise.all(left.map((workload) => workload.stop(LEFTOVER_GRACE_MS)));
  await workloads.close();
}

/** The node's own credential: of an earlier run, or got by registering. @throws ApiError where it may not join */
async function credential(options: AgentOptions): Promise<string> {
  const { node, servers: server, token, ca, data, address, labels } = options;
  const file = join(data, 'credential.json');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) {
    const { token: own } = JSON.parse(kept) as { token: string };
    await checkCredential(createHttpClient({ server, token: own, ca }), node);
    return own;
  }
  const client = createHttpClient({ server, token, ca });
  const registered = await client
    .register(node, { ...(address ? { address } : {}), labels })
    .finally(() => client.close());
  await mkdir(data, { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, JSON.stringify({ node, token: registered.token }), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return registered.token;
}

/** Says at once, and in words, that a node was removed; a server that is away now is waited for later. */
async function checkCredential(client: HttpClient, node: string): Promise<void> {
  try {
    await client.get('Node', node);
  } catch (error) {
    if (error instanceof ConnectionError || isApiError(error, 'ServiceUnavailable')) return;
    throw error;
  } finally {
    client.close();
  }
}

/** Each server has a connection of its own: a command may ask any of them for a log. @returns what ends that */
function serveLogs(
  { node, servers, token, ca }: Pick<AgentOptions, 'node' | 'servers' | 'token' | 'ca'>,
  handler: LogHandler,
  log: Log,
): () => void {
  const abort = new AbortController();
  for (const server of servers) {
    const client = createHttpClient({ server, token, ca });
    void answerLogs(client, node, handler, log.child({ server }), abort.signal).finally(() => client.close());
  }
  return () => abort.abort();
}

async function answerLogs(
  client: HttpClient,
  node: string,
  handler: LogHandler,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await client.serveLogs(node, handler, signal).catch((error: Error) => {
      log.debug({ error: error.message }, 'the connection for logs broke; it is made again');
    });
    await sleep(systemClock, LOG_RECONNECT_MS, signal);
  }
}
