#!/usr/bin/env node
/** The `mill` executable: wires the command line to the processes, and nothing else. */
import { runCli } from './api/cli/cli.ts';
import { exitWhenWritten, processSurroundings } from './api/cli/process-surroundings.ts';
import type { Processes } from './api/cli/processes.ts';
import { systemClock } from './runtime/clock.ts';

// Each is loaded when it is asked for: the client commands never load the store or the controllers.
const processes: Processes = {
  up: () => notBuilt('up'),
  server: () => notBuilt('server'),
  agent: () => notBuilt('agent'),
  gateway: () => notBuilt('gateway'),
};

function notBuilt(process: string): Promise<never> {
  return Promise.reject(new Error(`"mill ${process}" is not built yet`));
}

exitWhenWritten(await runCli(process.argv.slice(2), processSurroundings(systemClock), processes));
