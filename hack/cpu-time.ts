/** How much a process has worked: unlike the time that passes, that is the same on a machine that is busy. */
import { readFileSync } from 'node:fs';

/** Clock ticks a second in /proc/PID/stat. */
const TICKS = 100;

/** User and system time of a process (fields 14 and 15 of /proc/PID/stat). @throws Error where it has ended */
export function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) / TICKS) * 1_000;
}
