/** Which processors programs may run on. A client that shares them with the servers takes from them what it needs itself. */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';

/** `shared`: all may run everywhere. `apart`: the servers share all processors but the one of the client. */
export const CORES = ['shared', 'apart'] as const;
export type Cores = (typeof CORES)[number];

/** Part of util-linux. */
const TASKSET = '/usr/bin/taskset';
const run = promisify(execFile);

/** @param servers their pids; this process is the client. @throws Error where there is one processor only, or no taskset */
export async function assignCores(cores: Cores, servers: readonly number[]): Promise<void> {
  const last = availableProcessors - 1;
  const all = `0-${last}`;
  const [ofClient, ofServers] = cores === 'apart' ? ['0', last === 1 ? '1' : `1-${last}`] : [all, all];
  await assign(process.pid, ofClient);
  for (const pid of servers) await assign(pid, ofServers);
}

/** Asked before anything is assigned: it is less afterwards. */
const availableProcessors = availableParallelism();

/** All threads of a process, and those that it will start. */
const assign = (pid: number, list: string) =>
  run(TASKSET, ['--all-tasks', '--pid', '--cpu-list', list, String(pid)]);
