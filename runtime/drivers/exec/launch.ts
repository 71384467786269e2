/** Starts a workload's process as the leader of a session and process group of its own. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { finished, Writable } from 'node:stream';

/** Where a command is looked for when the environment has no PATH: what execvp(3) does. */
const DEFAULT_PATH = '/bin:/usr/bin';
/**
 * Waits for one line on descriptor 3 and then becomes the command. An agent that dies first closes the
 * descriptor without a line, and the command never runs.
 */
const HELD_SCRIPT = 'read -r go <&3 || exit 125; exec "$@" 3<&-';

export interface LaunchOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Descriptor for standard output and error. A file, not a pipe: it outlives the agent. */
  readonly output: number;
  /** True: the process waits, before the command runs, until it is let run. */
  readonly held: boolean;
}

export interface Launched {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Lets a held process run its command; nothing to do for another. */
  letRun(): Promise<void>;
}

/** @throws Error `cannot start "foo": …` with the reason */
export async function launch({ command, env, cwd, output, held }: LaunchOptions): Promise<Launched> {
  const [name = '', ...parameters] = command;
  const options: SpawnOptions = { cwd, env, detached: true, stdio: ['ignore', output, output] };
  const child = await spawnChild(name, () =>
    held
      ? spawn('/bin/sh', ['-c', HELD_SCRIPT, 'sh', ...command], {
          ...options,
          stdio: ['ignore', output, output, 'pipe'],
        })
      : spawn(name, parameters, options),
  );
  const { pid } = child;
  if (pid === undefined) throw startError(name, await failureOf(child));
  const gate = child.stdio[3];
  // A process that was killed while it waited has its end told by its exit, not by this pipe.
  if (gate) finished(gate, () => {});
  return {
    child,
    pid,
    letRun: async () => {
      if (!(gate instanceof Writable)) return;
      await new Promise<void>((done) => gate.end('go\n', () => done()));
    },
  };
}

/**
 * Says early, and the same for held and other processes, that a command is not there or may not run. Synchronous: a
 * few microseconds a directory, and every start waits for it.
 * @throws Error `cannot start "foo": no such command`
 */
export function assertRunnable(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): void {
  const [name] = command;
  if (!name) throw new Error('cannot start: the command is empty');
  const places = name.includes('/') ? [cwd] : (env.PATH ?? DEFAULT_PATH).split(':');
  const files = places.map((place) => resolve(cwd, place, name)).filter(isFile);
  if (files.some(isExecutable)) return;
  throw new Error(`cannot start "${name}": ${files.length > 0 ? 'it is not executable' : 'no such command'}`);
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false; // a directory on the way is a file, or may not be searched
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function spawnChild(name: string, start: () => ChildProcess): Promise<ChildProcess> {
  try {
    return start(); // some errors are thrown (E2BIG, a NUL in an argument), the others come as an event
  } catch (cause) {
    throw startError(name, cause);
  }
}

async function failureOf(child: ChildProcess): Promise<unknown> {
  const [error] = await once(child, 'error');
  return error;
}

function startError(name: string, cause: unknown): Error {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reasons: Record<string, string> = {
    ENOENT: 'no such command',
    EACCES: 'it is not executable',
    E2BIG: 'its arguments and environment are too long',
    ENOMEM: 'the machine has no memory left',
    EAGAIN: 'the machine has no process left',
  };
  const reason = reasons[code] ?? (cause instanceof Error ? cause.message.split('\n')[0] : String(cause));
  return new Error(`cannot start "${name}": ${reason}`, { cause });
}
