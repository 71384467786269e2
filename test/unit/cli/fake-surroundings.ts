/** A terminal, a clock and a server for tests of the command line: what is written is kept, time moves by hand. */
import { runCli } from '../../../api/cli/cli.ts';
import type { Connection, ConnectionOptions } from '../../../api/cli/connection.ts';
import type { Processes } from '../../../api/cli/processes.ts';
import type { Surroundings } from '../../../api/cli/surroundings.ts';

export interface FakeOptions {
  readonly connection?: Connection;
  /** In its place, for what a command gives its connection. */
  readonly connect?: (options: ConnectionOptions) => Connection;
  readonly stdin?: string | (() => AsyncIterable<Uint8Array>);
  readonly isTTY?: boolean;
  readonly env?: Record<string, string>;
  readonly processes?: Partial<Processes>;
  /** Waits end with `passTime` only. */
  readonly holdsTime?: boolean;
}

export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class FakeSurroundings implements Surroundings {
  out = '';
  err = '';
  nowMs = Date.parse('2026-01-01T00:00:00.000Z');
  readonly interrupts = new Set<() => void>();
  readonly #options: FakeOptions;

  constructor(options: FakeOptions = {}) {
    this.#options = options;
  }

  get stdout() {
    return this.#output((text) => {
      this.out += text;
    });
  }
  get stderr() {
    return this.#output((text) => {
      this.err += text;
    });
  }
  get stdin() {
    const { stdin = '', isTTY = false } = this.#options;
    const text = async function* () {
      yield Buffer.from(String(stdin));
    };
    return { isTTY, read: typeof stdin === 'function' ? stdin : text };
  }
  get env() {
    return { MILL_TOKEN: 'secret', XDG_CONFIG_HOME: '/nonexistent', ...this.#options.env };
  }
  /** Every wait is over at once, and takes the time it was to take. */
  readonly clock = {
    now: () => this.nowMs,
    schedule: (delayMs: number, callback: () => void) => {
      if (this.#options.holdsTime) return this.#hold(delayMs, callback);
      const handle = setImmediate(() => {
        this.nowMs += delayMs;
        callback();
      });
      return () => clearImmediate(handle);
    },
  };

  readonly #waits = new Set<() => void>();

  /** With `holdsTime`: ends the waits that there are now. */
  passTime(): void {
    for (const wait of [...this.#waits]) wait();
  }

  #hold(delayMs: number, callback: () => void) {
    const wait = () => {
      this.#waits.delete(wait);
      this.nowMs += delayMs;
      callback();
    };
    this.#waits.add(wait);
    return () => void this.#waits.delete(wait);
  }

  onInterrupt(callback: () => void) {
    this.interrupts.add(callback);
    return () => void this.interrupts.delete(callback);
  }

  async connect(options: ConnectionOptions): Promise<Connection> {
    if (this.#options.connect) return this.#options.connect(options);
    if (!this.#options.connection) throw new Error('no server in this test');
    return this.#options.connection;
  }

  #output(write: (text: string) => void) {
    const send = async (bytes: Uint8Array) => write(Buffer.from(bytes).toString());
    return { write, send, isTTY: this.#options.isTTY === true, columns: 120, rows: 40 };
  }
}

/** Runs one command line to its end. */
export async function run(words: string | readonly string[], options: FakeOptions = {}): Promise<Run> {
  const surroundings = new FakeSurroundings(options);
  const exitCode = await runIn(surroundings, words, options);
  return { exitCode, stdout: surroundings.out, stderr: surroundings.err };
}

export function runIn(
  surroundings: Surroundings,
  words: string | readonly string[],
  { processes = {} }: FakeOptions = {},
): Promise<number> {
  const none = () => Promise.reject(new Error('not in this test'));
  const argv = typeof words === 'string' ? words.split(' ').filter((word) => word !== '') : words;
  return runCli(argv, surroundings, {
    up: none,
    server: none,
    agent: none,
    gateway: none,
    stores: none,
    ...processes,
  });
}
