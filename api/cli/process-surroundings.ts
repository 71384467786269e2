/** The real surroundings of the command line: this process's streams, signals and environment. */

import type { Clock } from '../clock.ts';
import type { Connection, ConnectionOptions } from './connection.ts';
import { EXIT } from './exit.ts';
import type { Output, Surroundings } from './surroundings.ts';

/** Width of help and tables where nobody says. */
const DEFAULT_COLUMNS = 100;
const DEFAULT_ROWS = 40;

export function processSurroundings(clock: Clock): Surroundings {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    stdin: { isTTY: process.stdin.isTTY === true, read: () => process.stdin },
    env: process.env,
    clock,
    onInterrupt(callback) {
      process.on('SIGINT', callback);
      return () => process.off('SIGINT', callback);
    },
    connect: async ({ servers, ...options }: ConnectionOptions): Promise<Connection> => {
      const { createHttpClient } = await import('../client/http.ts');
      return createHttpClient({ ...options, server: servers, clock });
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  let isAwaited = false;
  // The reader of a pipe has gone (`mill get allocs | head -1`): there is nobody left to tell.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (isAwaited) return;
    if (error.code === 'EPIPE') process.exit(EXIT.done);
    throw error;
  });
  return {
    write: (text) => void stream.write(text),
    send: (bytes) => {
      isAwaited = true;
      return new Promise((resolve, reject) => {
        stream.write(bytes, (error) => (error ? reject(error) : resolve()));
      });
    },
    isTTY: stream.isTTY === true,
    get columns() {
      return stream.columns ?? DEFAULT_COLUMNS;
    },
    get rows() {
      return stream.rows ?? DEFAULT_ROWS;
    },
  };
}

/** Ends the process when what was written has gone out; sockets that are open still do not keep it. */
export function exitWhenWritten(exitCode: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
}
