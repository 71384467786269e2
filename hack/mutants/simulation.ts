/** Runs a tree's simulation, seed after seed, until one of them finds something. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Result } from '../../test/simulation/run.ts';
import { cpuMsOf } from '../cpu-time.ts';
import { bundled, SIMULATION_OPTIONS } from '../simulation-program.ts';
import type { Mutant } from './mutant.ts';

/** Of CPU, not of time: a hundred times what a cluster takes. One that takes more goes round in circles. */
const SEED_CPU_MS = 20_000;
const LOOK_EVERY_MS = 1_000;
/** Without any work at all: on the busiest machine a process that has something to do gets to it sooner. */
const STANDSTILL_MS = 120_000;

export interface Find {
  /** How many clusters it took, this one included. */
  readonly seeds: number;
  readonly seed: number;
  /** What was found: the promise that was broken, and how. */
  readonly message: string;
}

export interface Search {
  readonly firstSeed: number;
  /** How many clusters are tried. */
  readonly seeds: number;
  /** Absent: each seed draws it. */
  readonly engine?: Mutant['engine'];
  readonly signal: AbortSignal;
}

/** The tree's seeds in their order, in a process of their own. @returns undefined where nothing was found */
export async function findBySimulation(
  root: string,
  { firstSeed, seeds, engine, signal }: Search,
): Promise<Find | undefined> {
  signal.throwIfAborted();
  const program = await bundled(join(root, workerFor(engine)));
  const worker = fork(program.file, engine ? [engine] : [], {
    cwd: root,
    execArgv: [...SIMULATION_OPTIONS],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
  });
  const kill = () => void worker.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  try {
    for (let index = 0; index < seeds; index++) {
      const message = await complaintOf(worker, firstSeed + index);
      signal.throwIfAborted();
      if (message !== undefined) return { seeds: index + 1, seed: firstSeed + index, message };
    }
    return undefined;
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
    await program.remove();
  }
}

const workerFor = (engine: Mutant['engine']): string =>
  engine === 'drill' ? 'test/simulation/jetstream/drill-worker.ts' : 'test/simulation/worker.ts';

/** What is wrong with one seed; undefined: nothing. @throws Error where the simulation is not there to be run */
function complaintOf(worker: ChildProcess, seed: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let errors = '';
    const settle = (message: string | undefined) => {
      clearInterval(timer);
      worker.off('message', onResult).off('exit', onExit);
      worker.stderr?.off('data', onError);
      resolve(message);
    };
    const onResult = ({ violation }: Pick<Result, 'violation'>) =>
      settle(violation && `${violation.invariant}: ${violation.message}`);
    const onExit = () => {
      const why = errors.match(/^\w*Error.*$/m)?.[0] ?? 'no reason';
      // Of a tree that was taken away: that proves nothing about its mutant.
      if (why.includes('ERR_MODULE_NOT_FOUND')) reject(new Error(why));
      settle(`it ended its process: ${why}`);
    };
    const onError = (data: Buffer) => {
      errors += data;
    };
    const startMs = cpuOf(worker);
    let workedMs = 0;
    let workedAtMs = performance.now();
    const timer = setInterval(() => {
      const beforeMs = workedMs;
      workedMs = cpuOf(worker) - startMs;
      if (workedMs > beforeMs) workedAtMs = performance.now();
      if (workedMs > SEED_CPU_MS) settle('it goes round in circles');
      if (performance.now() - workedAtMs > STANDSTILL_MS) settle('it stands still');
    }, LOOK_EVERY_MS);
    worker.on('message', onResult).on('exit', onExit);
    worker.stderr?.on('data', onError);
    worker.send(seed);
  });
}

/** 0 where it has ended: its `exit` says so. */
function cpuOf({ pid, exitCode, signalCode }: ChildProcess): number {
  if (pid === undefined || exitCode !== null || signalCode !== null) return 0;
  return cpuMsOf(pid);
}
