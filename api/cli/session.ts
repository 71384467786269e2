/** One run of one command: its global flags, where it writes, and its connection. */
import {
  type Connection,
  findServer,
  refuseWithoutCredential,
  type ServerFlags,
  type ServerTarget,
} from './connection.ts';
import type { OutputFormat } from './output/format.ts';
import { type Style, styleFor } from './output/style.ts';
import { DEFAULT_SERVER } from './server-address.ts';
import type { Surroundings } from './surroundings.ts';

export interface GlobalFlags extends ServerFlags {
  readonly output?: OutputFormat;
  readonly color: boolean;
}

export class Session {
  readonly surroundings: Surroundings;
  readonly flags: GlobalFlags;
  readonly style: Style;
  readonly errorStyle: Style;
  #target: Promise<ServerTarget> | undefined;
  #connection: Promise<Connection> | undefined;
  readonly #warned = new Set<string>();
  #server: string;

  constructor(surroundings: Surroundings, flags: GlobalFlags) {
    this.surroundings = surroundings;
    this.flags = flags;
    this.style = styleFor(surroundings.stdout, surroundings.env, flags.color);
    this.errorStyle = styleFor(surroundings.stderr, surroundings.env, flags.color);
    this.#server = flags.server || surroundings.env.MILL_SERVER || DEFAULT_SERVER;
  }

  get output(): OutputFormat {
    return this.flags.output ?? 'table';
  }

  /** The servers' addresses for messages: their URLs as soon as they are known. */
  get server(): string {
    return this.#server;
  }

  print(text: string): void {
    this.surroundings.stdout.write(text);
  }

  printLine(text: string): void {
    this.surroundings.stdout.write(`${text}\n`);
  }

  /** For the person at the terminal, not for the pipe behind the command. */
  warn(text: string): void {
    this.surroundings.stderr.write(`${text}\n`);
  }

  /** Where the server is and what to prove oneself with. @throws UsageError for a bad address */
  target(): Promise<ServerTarget> {
    this.#target ??= findServer(this.flags, this.surroundings.env).then((target) => {
      this.#server = target.options.servers.join(',');
      return target;
    });
    return this.#target;
  }

  /** @throws CommandError without a credential */
  connect(): Promise<Connection> {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #open(): Promise<Connection> {
    const target = await this.target();
    if (!target.options.token) return refuseWithoutCredential(target, this.surroundings.clock);
    return this.surroundings.connect({ ...target.options, onWarning: (text) => this.#warnOnce(text) });
  }

  /** As kubectl prints it; a command asks for several things, and hears the same with each. */
  #warnOnce(text: string): void {
    if (!this.#warned.has(text)) this.warn(`Warning: ${text}`);
    this.#warned.add(text);
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    connection?.close();
  }
}
