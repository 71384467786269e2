/** Judges what an earlier agent left: which workloads still run, and which remains of others must be ended. */
import { isDead, type ProcessStat, readStat } from './proc.ts';
import type { ProcessIdentity, WorkloadRecord } from './record.ts';

export type Verdict =
  /** Its first process runs: adopt it, or end it where it had to die with its agent. */
  | { readonly is: 'running'; readonly process: ProcessIdentity }
  /** It is over, and processes of it are left: end them. */
  | { readonly is: 'strays'; readonly process: ProcessIdentity; readonly strays: readonly ProcessStat[] }
  | { readonly is: 'gone'; readonly pid: number };

/** What a workload that never got as far as a process has for one. */
export const NO_PID = 0;

/**
 * @param findMarked live processes by the id of their workload; read once, and only where a record alone cannot tell
 */
export async function judge(
  record: WorkloadRecord,
  bootId: string,
  findMarked: () => Promise<ReadonlyMap<string, readonly ProcessStat[]>>,
): Promise<Verdict> {
  const pid = record.process?.pid ?? NO_PID;
  if (record.exit || record.bootId !== bootId) return { is: 'gone', pid };
  if (record.process) {
    const stat = readStat(record.process.pid);
    if (stat && stat.startTime === record.process.startTime && !isDead(stat)) {
      return { is: 'running', process: record.process };
    }
  }
  // Never by pid alone: a group of that number is the workload's only where its members carry the mark.
  const marked = (await findMarked()).get(record.id) ?? [];
  const [first] = marked;
  if (!first) return { is: 'gone', pid };
  const leader = marked.find((stat) => stat.pid === stat.group);
  if (!record.process && leader) return { is: 'running', process: leader };
  return { is: 'strays', process: record.process ?? { pid: first.group, startTime: '' }, strays: marked };
}
