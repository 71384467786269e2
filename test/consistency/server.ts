/** A worker process, as the run handles it: started, killed, paused, asked. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StoreHealth } from '../../api/store.ts';
import { nowMs } from './history.ts';
import type { StoredObject } from './replicas.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
/** Attempts that one process can make, and have numbers of their own. */
const NUMBERS_A_RUN = 100_000;
/** Runs that one server can have. */
const RUNS_A_SERVER = 10_000;

/** What a worker is started with. */
export interface WorkerOptions {
  readonly urls: readonly string[];
  readonly bucket: string;
  readonly dir: string;
  readonly serverId: string;
  /** Ids of the servers that may commit for the others; empty: none does. */
  readonly writers: readonly string[];
  /** How many write at once. */
  readonly clients: number;
  readonly historyFile: string;
  readonly seed: number;
  /** Counts the processes of this server. */
  readonly run: number;
  readonly firstNumber: number;
}

export type ToWorker = { readonly type: 'stop' | 'prove' | 'ask' | 'report' | 'close' };

export type FromWorker =
  | { readonly type: 'opened' | 'stopped' | 'closed' }
  | { readonly type: 'proved'; readonly tookMs: number }
  | { readonly type: 'health'; readonly health: StoreHealth }
  | { readonly type: 'report'; readonly objects: readonly StoredObject[] };

type Of<T extends FromWorker['type']> = Extract<FromWorker, { readonly type: T }>;

export type ServerOptions = Omit<WorkerOptions, 'historyFile' | 'run' | 'firstNumber' | 'dir'> & {
  /** A number of its own among the servers. */
  readonly index: number;
  /** Of its history and of what it remembers. */
  readonly dir: string;
};

export class Server {
  readonly id: string;
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;
  #runs = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.id = options.serverId;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Does not wait until it has opened its store. */
  start(): void {
    const { index, dir, ...common } = this.#options;
    this.#runs += 1;
    const options: WorkerOptions = {
      ...common,
      dir: join(dir, this.id),
      historyFile: join(dir, `${this.id}-${this.#runs}.jsonl`),
      run: this.#runs,
      firstNumber: (index * RUNS_A_SERVER + this.#runs) * NUMBERS_A_RUN,
    };
    const env = { ...process.env, CONSISTENCY_WORKER: JSON.stringify(options) };
    this.#child = fork(WORKER, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    if (!this.#child || !this.isRunning) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Resolves when its store is open. @throws Error where it is not in time, or has ended */
  opened(timeoutMs: number): Promise<Of<'opened'>> {
    return this.#wait('opened', timeoutMs);
  }

  /** Its writers finish what they are at. */
  stop = (timeoutMs: number) => this.#ask('stop', 'stopped', timeoutMs);
  /** A commit of its own is acknowledged. */
  prove = (timeoutMs: number) => this.#ask('prove', 'proved', timeoutMs);
  health = (timeoutMs: number) => this.#ask('ask', 'health', timeoutMs);
  /** All that its copy holds, once that has everything that was acknowledged. */
  report = (timeoutMs: number) => this.#ask('report', 'report', timeoutMs);

  /** As a server ends that is told to. */
  async close(timeoutMs: number): Promise<void> {
    await this.#ask('close', 'closed', timeoutMs);
    await this.kill();
  }

  #ask<T extends FromWorker['type']>(
    question: ToWorker['type'],
    answer: T,
    timeoutMs: number,
  ): Promise<Of<T>> {
    const answered = this.#wait(answer, timeoutMs);
    this.#child?.send({ type: question });
    return answered;
  }

  #wait<T extends FromWorker['type']>(type: T, timeoutMs: number): Promise<Of<T>> {
    const child = this.#child;
    if (!child || !this.isRunning) return Promise.reject(new Error(`${this.id} does not run`));
    return new Promise((resolve, reject) => {
      const beganMs = nowMs();
      const end = (error?: Error) => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit);
        if (error) reject(error);
      };
      const onMessage = (message: FromWorker) => {
        if (message.type !== type) return;
        end();
        resolve(message as Of<T>);
      };
      const onExit = () => end(new Error(`${this.id} has ended before it was ${type}`));
      const late = () =>
        end(new Error(`${this.id} was not ${type} within ${Math.round(nowMs() - beganMs)} ms`));
      const timer = setTimeout(late, timeoutMs);
      child.on('message', onMessage).on('exit', onExit);
    });
  }
}
