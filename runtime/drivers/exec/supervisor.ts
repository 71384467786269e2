/** Brings workloads under an agent's care, by starting them or by taking them over, and keeps their records true. */
import { closeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { type Clock, sleep } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import type { Workload, WorkloadSpec } from '../workload.ts';
import { type Cgroup, Cgroups } from './cgroup.ts';
import { Guard } from './guard.ts';
import { assertRunnable, type Launched, launch } from './launch.ts';
import type { Output } from './output.ts';
import { placeVolumes } from './placement.ts';
import { type findMarked, readBootId, readStat } from './proc.ts';
import { goneWorkload, ProcessGroup } from './process-group.ts';
import type { ProcessIdentity, WorkloadRecord, WorkloadRecords } from './record.ts';
import { judge } from './recover.ts';

/** In every workload's environment: the random id of its record. */
export const WORKLOAD_ID = 'MILL_WORKLOAD_ID';
/** How long a take-over waits for a killed remainder to be gone: one stuck in the kernel must not hold up the rest. */
const KILL_WAIT_MS = 2_000;

export interface SupervisorOptions {
  /** The driver's directory. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly records: WorkloadRecords;
}

export class Supervisor {
  readonly #clock: Clock;
  readonly #records: WorkloadRecords;
  readonly #cgroups: Cgroups;
  readonly #guard: Guard;
  readonly #bootId = readBootId();
  readonly #groups = new Set<ProcessGroup>();
  #isReleased = false;

  constructor({ owner, clock, log, records }: SupervisorOptions) {
    this.#clock = clock;
    this.#records = records;
    this.#cgroups = new Cgroups({ owner, clock, log });
    this.#guard = new Guard({ clock, log });
  }

  /**
   * Killed at any point of this, the agent leaves no process that the next one cannot find: the intent is on disk
   * before there is a process, and the process carries the intent's id.
   */
  async start(spec: WorkloadSpec, id: string, output: Output): Promise<Workload> {
    const { alloc, onAgentDeath } = spec;
    const intent: WorkloadRecord = { alloc, id, bootId: this.#bootId, onAgentDeath };
    const limited = this.#limit(spec);
    try {
      const [cgroup] = await allDone([limited, this.#records.write(intent), prepare(spec, output.dir)]);
      const launched = await launchInto(output, spec, id, cgroup !== undefined);
      // Our child, and not yet reaped: it is in /proc, if only as a zombie.
      const startTime = readStat(launched.pid)?.startTime ?? '';
      return await this.#settle(
        launched,
        { ...intent, process: { pid: launched.pid, startTime } },
        output,
        cgroup,
      );
    } catch (cause) {
      await limited.then((cgroup) => cgroup?.remove());
      await this.#records.delete(alloc);
      throw cause;
    }
  }

  /** @param wereLetGo the last agent closed in order, so that writers of volumes were left running on purpose */
  async takeOver(
    record: WorkloadRecord,
    output: Output,
    wereLetGo: boolean,
    marked: () => ReturnType<typeof findMarked>,
  ): Promise<Workload> {
    const { alloc } = record;
    const verdict = await judge(record, this.#bootId, marked);
    if (verdict.is === 'gone') return goneWorkload(alloc, verdict.pid, record.exit ?? {});
    if (verdict.is === 'strays') for (const { pid } of verdict.strays) killIfThere(pid);
    const { pid, startTime } = verdict.process;
    const known = { ...record, process: { pid, startTime } };
    if (!record.process) await this.#records.write(known);
    const cgroup = await this.#cgroups.find(alloc);
    const group = this.#watch(known.process, alloc, cgroup);
    this.#keep(group, known, output);
    const mustDie = record.onAgentDeath === 'die';
    if (verdict.is === 'strays' || (mustDie && !wereLetGo)) await this.#end(group);
    else if (mustDie) await this.#guard.add(known.process);
    return group;
  }

  /** Ends what runs in cgroups of ours without being a workload. */
  sweep(live: ReadonlySet<string>): Promise<void> {
    return this.#cgroups.sweep(live);
  }

  /** Lets go of all workloads; what was to be written about them is on disk then. */
  async release(): Promise<void> {
    this.#isReleased = true;
    for (const group of this.#groups) group.release();
    await this.#records.settled();
    await this.#cgroups.close();
  }

  dismissGuard(): Promise<void> {
    return this.#guard.letGo();
  }

  /** Makes the new process known wherever its death must be seen to; only then may a held one run its command. */
  async #settle(
    launched: Launched,
    record: WorkloadRecord & { process: ProcessIdentity },
    output: Output,
    cgroup?: Cgroup,
  ) {
    const { pid } = record.process;
    const group = this.#watch(record.process, record.alloc, cgroup, launched);
    const guarded = record.onAgentDeath === 'die' ? this.#guard.add(record.process) : undefined;
    try {
      await allDone([this.#records.write(record), guarded, cgroup?.add(pid)]);
      await launched.letRun();
    } catch (cause) {
      await group.stop(0);
      this.#guard.delete(pid);
      throw cause;
    }
    this.#keep(group, record, output);
    return group;
  }

  #watch(process: ProcessIdentity, alloc: string, cgroup?: Cgroup, launched?: Launched): ProcessGroup {
    const options = { alloc, process, clock: this.#clock };
    return new ProcessGroup({
      ...options,
      ...(launched && { child: launched.child }),
      ...(cgroup && { cgroup }),
    });
  }

  #keep(group: ProcessGroup, record: WorkloadRecord, output: Output): void {
    this.#groups.add(group);
    output.watch();
    void group.exited.then((exit) => {
      this.#groups.delete(group);
      output.unwatch();
      if (this.#isReleased) return; // the records are the next agent's
      this.#guard.delete(group.pid);
      // Without this record the next agent finds the process gone all the same, only without its exit code.
      this.#records.write({ ...record, exit }).catch(() => {});
    });
  }

  async #end(group: ProcessGroup): Promise<void> {
    const ended = new AbortController();
    await Promise.race([group.stop(0), sleep(this.#clock, KILL_WAIT_MS, ended.signal)]);
    ended.abort();
  }

  /**
   * What cannot be limited runs all the same: the cgroups say so in the log. One without limits gets a cgroup as
   * well where it can: what leaves the process group (setsid) is found there when the workload ends.
   */
  #limit({ alloc, resources }: WorkloadSpec): Promise<Cgroup | undefined> {
    return this.#cgroups.create(alloc, resources);
  }
}

async function prepare({ command, env, volumes }: WorkloadSpec, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await placeVolumes(dir, volumes);
  assertRunnable(command, env, dir); // last: the command may lie on a volume
}

/** A writer of a volume, or a process with limits, is held until its guard knows it and its cgroup has it. */
async function launchInto(
  output: Output,
  spec: WorkloadSpec,
  id: string,
  isLimited: boolean,
): Promise<Launched> {
  const { command, onAgentDeath } = spec;
  const env = { ...spec.env, [WORKLOAD_ID]: id };
  const descriptor = output.open();
  try {
    const held = isLimited || onAgentDeath === 'die';
    return await launch({ command, env, cwd: output.dir, output: descriptor, held });
  } finally {
    closeSync(descriptor); // the process has its own
  }
}

/** Like `Promise.all`, but nothing still runs when it fails: what comes next undoes it. */
async function allDone<const T extends readonly unknown[]>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself since it was listed.
  }
}
