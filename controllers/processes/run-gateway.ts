/** `mill gateway`: routes the services' ports, in a process of its own. */
import { hostname } from 'node:os';
import type { GatewayOptions } from '../../api/cli/processes.ts';
import { createHttpClient } from '../../api/client/http.ts';
import { systemClock } from '../../api/clock.ts';
import { startGateway } from './gateway.ts';
import { createLog } from './logger.ts';
import { untilSignal } from './signals.ts';

/** Runs until SIGTERM or SIGINT; requests in flight finish. @returns the exit code */
export async function runGateway(options: GatewayOptions): Promise<number> {
  const stopped = untilSignal();
  const { servers, token, ca } = options;
  const client = createHttpClient({ server: servers, token, ca, clock: systemClock });
  const gateway = startGateway({
    // Two of one machine must not speak for each other.
    name: `${hostname()
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]/g, '-')}-${process.pid}`,
    client,
    clock: systemClock,
    random: Math.random,
    log: createLog(options.logLevel),
    host: options.listenHost,
  });
  const serve = async () => {
    await gateway.ready;
    process.stdout.write(`mill gateway is ready: it follows ${servers.join(',')}\n`);
    await stopped;
  };
  // A server that is away is waited for, and a signal ends that, too.
  await Promise.race([serve(), stopped]);
  await gateway.close();
  client.close();
  return 0;
}
