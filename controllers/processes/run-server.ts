/** `mill server`: the store, the API and the controllers; agents and gateways are processes of their own. */
import type { ServerOptions } from '../../api/cli/processes.ts';
import { systemClock } from '../../api/clock.ts';
import { listenAddress } from './listen-address.ts';
import { createLog } from './logger.ts';
import { startServerCore } from './server-core.ts';
import { unlessStopped, untilSignal } from './signals.ts';

/** Runs until SIGTERM or SIGINT. @returns the exit code */
export async function runServer(options: ServerOptions): Promise<number> {
  const stopped = untilSignal();
  const starting = startServerCore({
    ...options,
    clock: systemClock,
    random: Math.random,
    log: createLog(options.logLevel),
    ...listenAddress(options.listen),
    names: options.tlsNames,
  });
  // It may be waiting for NATS.
  const core = await unlessStopped(starting, stopped);
  if (!core) return 0;
  process.stdout.write(`mill server is ready: ${core.url}\n`);
  await stopped;
  await core.close();
  return 0;
}
