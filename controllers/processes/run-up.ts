/** `mill up`: the store, the API, the controllers, local nodes and a gateway, in one process. */
import { parseServer } from '../../api/cli/server-address.ts';
import { applyManifests } from '../../api/cli/manifest/apply.ts';
import type { UpOptions } from '../../api/cli/processes.ts';
import { createLocalClient } from '../../api/client/local.ts';
import { systemClock } from '../../runtime/clock.ts';
import { startGateway } from './gateway.ts';
import { startLocalNodes } from './local-nodes.ts';
import { createLog } from './logger.ts';
import { ADMIN, startServerCore } from './server-core.ts';
import { untilSignal } from './signals.ts';

const HOST = '127.0.0.1';

/** Runs until SIGTERM or SIGINT, and stops what it started. @returns the exit code */
export async function runUp(options: UpOptions): Promise<number> {
  const log = createLog(options.logLevel);
  const stopped = untilSignal();
  const { host, port } = parseServer(options.listen);
  const common = { clock: systemClock, random: Math.random, log };
  const core = await startServerCore({ ...common, data: options.data, host, port, names: [] });
  const nodes = await startLocalNodes({ ...common, core, count: options.nodes, data: options.data });
  const client = createLocalClient(core.service, { user: 'system:gateway:local', groups: ['system:gateways'] });
  const gateway = startGateway({ ...common, name: 'local', client, host: HOST });
  await gateway.ready;
  process.stdout.write(`mill is ready: ${core.url}, ${nodes.length} nodes\n`);
  await stopped;
  await core.stopControllers();
  await Promise.all(nodes.map((node) => node.close({ stopWorkloads: true })));
  await gateway.close();
  await core.close();
  return 0;
}
