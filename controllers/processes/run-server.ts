/** `mill server`: the store, the API and the controllers; agents and gateways are processes of their own. */
import type { ServerOptions } from '../../api/cli/processes.ts';
import { systemClock } from '../../api/clock.ts';
import { listenAddress } from './listen-address.ts';
import { createLog } from './logger.ts';
import { startServerCore } from './server-core.ts';
import { untilSignal } from './signals.ts';

/** Runs until SIGTERM or SIGINT. @returns the exit code */
export async function runServer(options: ServerOptions): Promise<number> {
  if (options.nats.length > 0) {
    throw new Error('--nats: this version keeps its state in the embedded store only; leave --nats out');
  }
  const stopped = untilSignal();
  const core = await startServerCore({
    clock: systemClock,
    random: Math.random,
    log: createLog(options.logLevel),
    ...listenAddress(options.listen),
    data: options.data,
    names: options.tlsNames,
  });
  process.stdout.write(`mill server is ready: ${core.url}\n`);
  await stopped;
  await core.close();
  return 0;
}
