/** What the command line is given from outside: streams, environment, time, signals, and the way to a server. */
import type { Clock } from '../clock.ts';
import type { Connection, ConnectionOptions } from './connection.ts';

export interface Output {
  write(text: string): void;
  /** Resolves when the bytes have gone out, as fast as the reader takes them; rejects where the reader has gone. */
  send(bytes: Uint8Array): Promise<void>;
  readonly isTTY: boolean;
  /** Of the terminal; a guess where there is none. */
  readonly columns: number;
  readonly rows: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: { readonly isTTY: boolean; read(): AsyncIterable<Uint8Array> };
  readonly env: Environment;
  readonly clock: Clock;
  /** Calls back on Ctrl-C until the returned function is called. */
  onInterrupt(callback: () => void): () => void;
  connect(options: ConnectionOptions): Promise<Connection>;
}
