/** `mill up`: the store, the API, the controllers, local nodes and a gateway, in one process. */
import type { UpOptions } from '../../api/cli/processes.ts';
import { createLocalClient } from '../../api/client/local.ts';
import { systemClock } from '../../api/clock.ts';
import { GATEWAY_GROUP } from '../../api/groups.ts';
import { WITH_ONE_SERVER, WITH_SEVERAL_SERVERS } from './agent-times.ts';
import { startGateway } from './gateway.ts';
import { listenAddress } from './listen-address.ts';
import { startLocalNodes } from './local-nodes.ts';
import { createLog } from './logger.ts';
import { startServerCore } from './server-core.ts';
import { unlessStopped, untilSignal } from './signals.ts';

/** Local workloads, and the gateway in front of them, are reached from this machine only. */
const LOCAL_HOST = '127.0.0.1';
const GATEWAY_NAME = 'local';

/** Runs until SIGTERM or SIGINT, and stops what it started. @returns the exit code */
export async function runUp(options: UpOptions): Promise<number> {
  const stopped = untilSignal();
  const common = { clock: systemClock, random: Math.random, log: createLog(options.logLevel) };
  const starting = startServerCore({
    ...common,
    ...listenAddress(options.listen),
    data: options.data,
    ...(options.nats ? { nats: options.nats } : {}),
    names: [],
  });
  // It may be waiting for NATS.
  const core = await unlessStopped(starting, stopped);
  if (!core) return 0;
  const gateway = startGateway({
    ...common,
    name: GATEWAY_NAME,
    client: createLocalClient(core.service, {
      user: `system:gateway:${GATEWAY_NAME}`,
      groups: [GATEWAY_GROUP],
    }),
    host: LOCAL_HOST,
  });
  const nodes = await startLocalNodes({
    ...common,
    core,
    count: options.nodes,
    data: options.data,
    times: options.nats ? WITH_SEVERAL_SERVERS : WITH_ONE_SERVER,
  });
  const serve = async () => {
    await Promise.all([gateway.ready, ...nodes.map((node) => node.ready)]);
    process.stdout.write(
      `mill is ready: ${core.url} (${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'})\n`,
    );
    await options.onReady(core.url);
    await stopped;
  };
  try {
    // Told to stop while it is still coming up, it stops as well.
    await Promise.race([serve(), stopped]);
  } finally {
    await core.stopControllers();
    await Promise.all([gateway.close(), ...nodes.map((node) => node.close({ stopWorkloads: true }))]);
    await core.close();
  }
  return 0;
}
