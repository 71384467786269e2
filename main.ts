#!/usr/bin/env node
/** The `mill` executable: wires the command line to the processes, and nothing else. */
import { runCli } from './api/cli/cli.ts';
import { exitWhenWritten, processSurroundings } from './api/cli/process-surroundings.ts';
import type { Processes } from './api/cli/processes.ts';
import { systemClock } from './api/clock.ts';

// Each is loaded when it is asked for: the client commands never load the store or the controllers.
const processes: Processes = {
  up: async (options) => (await import('./controllers/processes/run-up.ts')).runUp(options),
  server: async (options) => (await import('./controllers/processes/run-server.ts')).runServer(options),
  agent: async (options) => (await import('./controllers/processes/run-agent.ts')).runAgent(options),
  gateway: async (options) => (await import('./controllers/processes/run-gateway.ts')).runGateway(options),
  stores: async () => (await import('./controllers/processes/stores/stores.ts')).createStores(systemClock),
};

exitWhenWritten(await runCli(process.argv.slice(2), processSurroundings(systemClock), processes));
