/** One nats-server process. It is ready when its monitor answers. */
import { Program } from '../program.ts';

/** A monitor that is paused or cut off must not hold anybody up. */
const MONITOR_TIMEOUT_MS = 1_000;

export interface NatsServerOptions {
  readonly name: string;
  readonly binary: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly url: string;
  readonly monitorPort: number;
}

export class NatsServer extends Program {
  /** Where clients connect without a link in between. */
  readonly url: string;
  /** Its HTTP monitor (`/healthz`, `/jsz`, `/varz`, …). */
  readonly monitor: string;

  constructor({ name, binary, configFile, logFile, url, monitorPort }: NatsServerOptions) {
    super({
      name,
      command: () => [binary, '-c', configFile],
      logFile,
      isReady: async () => (await this.ask('/varz'))?.ok ?? false,
    });
    this.url = url;
    this.monitor = `http://127.0.0.1:${monitorPort}`;
  }

  /** Asks its monitor. @returns undefined where it does not answer in time */
  async ask(path: string): Promise<Response | undefined> {
    try {
      return await fetch(`${this.monitor}${path}`, { signal: AbortSignal.timeout(MONITOR_TIMEOUT_MS) });
    } catch {
      return undefined; // not listening yet, paused, or gone: the caller asks again, within its bound
    }
  }
}
