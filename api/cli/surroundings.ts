/** What the command line is given from outside: streams, environment, time, signals, and the way to a server. */
import type { Connection, ConnectionOptions } from './connection.ts';

export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Of the terminal; a guess where there is none. */
  readonly columns: number;
  readonly rows: number;
}

/** Time. The real clock of `runtime/` fits it. */
export interface CliClock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  schedule(delayMs: number, callback: () => void): () => void;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: { readonly isTTY: boolean; read(): AsyncIterable<Uint8Array> };
  readonly env: Environment;
  readonly clock: CliClock;
  /** Calls back on Ctrl-C until the returned function is called. */
  onInterrupt(callback: () => void): () => void;
  connect(options: ConnectionOptions): Promise<Connection>;
}

/** Resolves after `delayMs`, or as soon as the signal aborts. */
export function pause(clock: CliClock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.schedule(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
