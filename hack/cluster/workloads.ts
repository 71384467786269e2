/** The workloads that live, found by the folder that they run in and the environment that mill gave them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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
