/** The workloads that live, found by the folder that they run in and the environment that mill gave them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** A killed process is gone within milliseconds. */
const POLL_MS = 5;

export interface Workload {
  readonly pid: number;
  readonly alloc: string;
}

/** Those that run in a folder below `dir`. */
export function workloadsBelow(dir: string): readonly Workload[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const isZombie = /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      if (isZombie || !readlinkSync(`/proc/${pid}/cwd`).startsWith(dir)) return [];
      const alloc = /(?:^|\0)MILL_ALLOC=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'))?.[1];
      return alloc ? [{ pid: Number(pid), alloc }] : [];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

/** SIGKILL for those. Resolves when none is left: until then they may still write. */
export async function killWorkloadsBelow(dir: string): Promise<void> {
  for (let left = workloadsBelow(dir); left.length > 0; left = workloadsBelow(dir)) {
    for (const { pid } of left) kill(pid);
    await pause(POLL_MS);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it ended meanwhile
  }
}
