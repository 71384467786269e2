/** One nats-server process: started, killed, paused, and started again where it was. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Until its monitor answers; it reads its streams before that, and the machine may be busy. */
const START_TIMEOUT_MS = 30_000;
/** How often the monitor is asked. */
const POLL_MS = 25;
/** A monitor that is paused or cut off must not hold anybody up. */
const MONITOR_TIMEOUT_MS = 1_000;
/** Lines of the log that an error shows. */
const LOG_LINES = 12;

export interface NatsServer {
  readonly name: string;
  /** Where clients connect without a link in between. */
  readonly url: string;
  /** Its HTTP monitor (`/healthz`, `/jsz`, `/varz`, …). */
  readonly monitor: string;
  readonly pid: number | undefined;
  readonly isRunning: boolean;
  readonly logFile: string;
  /** Starts it, again on the same files and ports. Resolves when its monitor answers. @throws Error with its last words */
  start(): Promise<void>;
  /** SIGKILL, as a crash does it. */
  kill(): Promise<void>;
  /** SIGTERM: it says goodbye, and gives its leaderships away. */
  stop(): Promise<void>;
  /** SIGSTOP: it is there and does not answer. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Asks its monitor. @returns undefined where it does not answer in time */
  ask(path: string): Promise<Response | undefined>;
}

export interface ServerPaths {
  readonly binary: string;
  readonly configFile: string;
  readonly logFile: string;
}

export interface ServerAddress {
  readonly name: string;
  readonly url: string;
  readonly monitorPort: number;
}

/** @returns a server that is not started yet */
export function createNatsServer(paths: ServerPaths, address: ServerAddress): NatsServer {
  const monitor = `http://127.0.0.1:${address.monitorPort}`;
  let child: ChildProcess | undefined;
  const isRunning = () => child?.pid !== undefined && child.exitCode === null && child.signalCode === null;

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!child || !isRunning()) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    child.kill('SIGCONT'); // a paused process takes no other signal
    await exited;
  }

  async function ask(path: string): Promise<Response | undefined> {
    try {
      return await fetch(`${monitor}${path}`, { signal: AbortSignal.timeout(MONITOR_TIMEOUT_MS) });
    } catch {
      return undefined; // not listening yet, paused, or gone: the caller asks again, within its bound
    }
  }

  return {
    name: address.name,
    url: address.url,
    monitor,
    logFile: paths.logFile,
    get pid() {
      return isRunning() ? child?.pid : undefined;
    },
    get isRunning() {
      return isRunning();
    },
    async start() {
      if (isRunning()) return;
      child = launch(paths);
      await once(child, 'spawn');
      const giveUpAt = performance.now() + START_TIMEOUT_MS;
      while (!(await ask('/varz'))?.ok) {
        const why = !isRunning()
          ? 'it ended'
          : performance.now() > giveUpAt
            ? 'it does not answer'
            : undefined;
        if (why) {
          await end('SIGKILL');
          throw new Error(`${address.name} did not start: ${why}\n${lastLines(paths.logFile)}`);
        }
        await pause(POLL_MS);
      }
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    ask,
  };
}

/** It dies with the process that started it, however that one ends: nothing of a test that was killed stays behind. */
function launch({ binary, configFile, logFile }: ServerPaths): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    const words = [binary, '-c', configFile];
    const [command, ...args] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig=KILL', ...words] : words;
    return spawn(command ?? binary, args, { stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

/** Part of util-linux; it executes the command in its own place, so the pid is the server's. */
const SETPRIV = '/usr/bin/setpriv';

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n');
}
