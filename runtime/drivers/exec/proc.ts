/** What Linux says about processes: /proc, read so that a pid in its second life is never taken for the first. */
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

/** A process as one reading of /proc/PID/stat has it (proc(5)). */
export interface ProcessStat {
  readonly pid: number;
  /** One letter; `Z` and `X` are dead. */
  readonly state: string;
  readonly group: number;
  /** Field 22, clock ticks since boot. With the pid and the boot id it names one process for good. */
  readonly startTime: string;
}

/** Names this run of the kernel: a pid and a start time mean nothing after a reboot. */
export const readBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** The process now, or nothing. Synchronous, some 20 µs: no other event comes between a look and the signal after it. */
export function readStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined; // gone: ENOENT, or ESRCH when it went during the read
  }
}

export const isDead = (stat: ProcessStat): boolean => stat.state === 'Z' || stat.state === 'X';

/**
 * Sends a signal to a process group; 0 only asks. Answers whether there was a group, and zombies count:
 * init may reap late.
 */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    // EPERM: there is a group, and none of its members is ours to signal.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Whether a member of the group still runs; zombies do not. Reads all of /proc where the kernel's answer is not enough. */
export async function groupLives(group: number): Promise<boolean> {
  if (!signalGroup(group, 0)) return false;
  for await (const stat of listProcesses()) if (stat.group === group && !isDead(stat)) return true;
  return false;
}

/** Live processes that carry `variable=value` in the environment they were started with, by value. */
export async function findMarked(variable: string): Promise<Map<string, ProcessStat[]>> {
  const marked = new Map<string, ProcessStat[]>();
  const prefix = `${variable}=`;
  for await (const stat of listProcesses()) {
    if (isDead(stat)) continue;
    const environment = await readFile(`/proc/${stat.pid}/environ`, 'latin1').catch(() => ''); // gone, or not ours
    const entry = environment.split('\0').find((line) => line.startsWith(prefix));
    if (entry === undefined) continue;
    const value = entry.slice(prefix.length);
    marked.set(value, [...(marked.get(value) ?? []), stat]);
  }
  return marked;
}

async function* listProcesses(): AsyncIterable<ProcessStat> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => ''); // gone since it was listed
    const stat = parseStat(text);
    if (stat) yield stat;
  }
}

/** `pid (command) state ppid pgrp … starttime …`: the command may hold anything, so count from its last parenthesis. */
function parseStat(text: string): ProcessStat | undefined {
  const end = text.lastIndexOf(')');
  const [state, , group] = text.slice(end + 2).split(' ');
  const startTime = text.slice(end + 2).split(' ')[19];
  if (end < 0 || state === undefined || group === undefined || startTime === undefined) return undefined;
  return { pid: Number.parseInt(text, 10), state, group: Number(group), startTime };
}
