/** A program of a local cluster, in a process of its own: started, killed, paused, and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Until it is ready; it reads its state before that, and the machine may be busy. */
const START_TIMEOUT_MS = 60_000;
/** How often it is asked. */
const POLL_MS = 25;
/** A program that was told to stop and is still there after this is killed. */
const STOP_TIMEOUT_MS = 20_000;
/** Lines of the log that an error shows. */
const LOG_LINES = 12;
/** Part of util-linux; it executes the command in its own place, so the pid is the program's. */
const SETPRIV = '/usr/bin/setpriv';

export interface ProgramOptions {
  readonly name: string;
  /** Asked at each start. */
  readonly command: () => readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Gets what it says on both outputs, over all its starts. */
  readonly logFile: string;
  /** @param said what it has said since this start */
  readonly isReady: (said: string) => boolean | Promise<boolean>;
}

export class Program {
  readonly name: string;
  readonly logFile: string;
  readonly #options: ProgramOptions;
  #child: ChildProcess | undefined;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.name = options.name;
    this.logFile = options.logFile;
  }

  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Starts it, also again. Resolves when it is ready. @throws Error with its last words */
  async start(): Promise<void> {
    if (this.isRunning) return;
    const { isReady } = this.#options;
    const from = existsSync(this.logFile) ? statSync(this.logFile).size : 0;
    const said = () => readFileSync(this.logFile).subarray(from).toString();
    this.#child = launch(this.#options);
    await once(this.#child, 'spawn');
    const giveUpAt = performance.now() + START_TIMEOUT_MS;
    while (!(await isReady(said()))) {
      const isLate = performance.now() > giveUpAt;
      if (this.isRunning && !isLate) {
        await pause(POLL_MS);
        continue;
      }
      const why = this.isRunning ? 'it is not ready' : 'it ended';
      await this.kill();
      throw new Error(`${this.name} did not start: ${why}\n${lastLines(said())}`);
    }
  }

  /** SIGKILL, as a crash does it. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** SIGTERM: it says goodbye. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** SIGSTOP: it is there and does not answer. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || !this.isRunning) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    child.kill('SIGCONT'); // a paused process takes no other signal
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(late);
  }
}

/**
 * It dies with the process that started it, however that one ends: nothing of a test that was killed stays behind. It has a
 * process group of its own: a Ctrl-C in the terminal is for the one who started it, who ends everything in its order.
 */
function launch({ command, env, logFile }: ProgramOptions): ChildProcess {
  const words = command();
  const [program = '', ...args] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig=KILL', ...words] : words;
  const log = openSync(logFile, 'a', 0o600);
  try {
    return spawn(program, args, { detached: true, stdio: ['ignore', log, log], ...(env ? { env } : {}) });
  } finally {
    closeSync(log);
  }
}

const lastLines = (text: string): string => text.trimEnd().split('\n').slice(-LOG_LINES).join('\n');
