/** Runs workloads as plain processes that outlive their agent, unless they must not. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { assertName } from '../names.ts';
import type { LogOptions, Workload, WorkloadDriver, WorkloadSpec } from '../workload.ts';
import { type Cgroup, Cgroups } from './cgroup.ts';
import { followOutput } from './follow.ts';
import { Guard } from './guard.ts';
import { assertRunnable, launch } from './launch.ts';
import { Output } from './output.ts';
import { placeVolumes } from './placement.ts';
import { findMarked, readBootId, readStat } from './proc.ts';
import { goneWorkload, ProcessGroup } from './process-group.ts';
import { type WorkloadRecord, WorkloadRecords } from './record.ts';
import { judge } from './recover.ts';

/** In every workload's environment: the random id of its record. */
export const WORKLOAD_ID = 'MILL_WORKLOAD_ID';
/** How long recovery waits for a killed remainder to be gone. One stuck in the kernel must not hold up the rest. */
const RECOVER_KILL_WAIT_MS = 2_000;

export interface ExecDriverOptions {
  /** The driver's own directory; one driver at a time. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly node: string;
  /** Names a workload uniquely, over restarts too. */
  readonly newId?: () => string;
}

/** Needs Linux: sessions, /proc. Limits of resources need root and cgroups besides. */
export function createExecDriver(options: ExecDriverOptions): WorkloadDriver {
  return new ExecDriver(options);
}

class ExecDriver implements WorkloadDriver {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #bootId = readBootId();
  readonly #records: WorkloadRecords;
  readonly #cgroups: Cgroups;
  readonly #guard: Guard;
  readonly #groups = new Map<string, ProcessGroup>();
  readonly #outputs = new Map<string, Output>();
  readonly #starting = new Set<string>();
  #isClosed = false;

  constructor({ dir, clock, log, node, newId = randomUUID }: ExecDriverOptions) {
    const ownLog = log.child({ driver: 'exec', node });
    this.#dir = dir;
    this.#clock = clock;
    this.#newId = newId;
    this.#records = new WorkloadRecords(dir);
    this.#cgroups = new Cgroups({ owner: dir, clock, log: ownLog });
    this.#guard = new Guard({ clock, log: ownLog });
  }

  async start(spec: WorkloadSpec): Promise<Workload> {
    const { alloc } = spec;
    assertName('alloc', alloc);
    const before = this.#groups.get(alloc);
    if (this.#starting.has(alloc) || (before && !before.gone))
      throw new Error(`alloc "${alloc}" already runs`);
    this.#starting.add(alloc);
    const { onAgentDeath } = spec;
    const record = { alloc, id: this.#newId(), bootId: this.#bootId, onAgentDeath };
    try {
      return await this.#run(spec, record);
    } catch (error) {
      await this.#records.delete(alloc);
      throw error;
    } finally {
      this.#starting.delete(alloc);
    }
  }

  async recover(): Promise<readonly Workload[]> {
    // An agent that closed said so; the writers of one that did not should be dead by now.
    const wereLetGo = await this.#takeLetGoMark();
    let marked: ReturnType<typeof findMarked> | undefined;
    const findOnce = () => {
      marked ??= findMarked(WORKLOAD_ID);
      return marked;
    };
    const workloads: Workload[] = [];
    for (const record of await this.#records.list()) {
      // Only a power cut leaves a record that cannot be read, and no process outlives that.
      if (typeof record === 'string') workloads.push(goneWorkload(record, 0, {}));
      else workloads.push(await this.#takeOver(record, wereLetGo, findOnce));
    }
    const live = workloads.filter((workload) => !workload.gone).map(({ alloc }) => alloc);
    await this.#cgroups.sweep(new Set(live));
    return workloads;
  }

  async *logs(alloc: string, options: LogOptions): AsyncIterable<Buffer> {
    assertName('alloc', alloc);
    const group = this.#groups.get(alloc);
    yield* followOutput(this.#outputOf(alloc), options, group && !group.gone ? group.exited : undefined);
  }

  async remove(alloc: string): Promise<void> {
    assertName('alloc', alloc);
    const group = this.#groups.get(alloc);
    if (this.#starting.has(alloc) || (group && !group.gone)) throw new Error(`alloc "${alloc}" still runs`);
    this.#groups.delete(alloc);
    this.#outputs.delete(alloc);
    // Symlinks to volumes are removed, never followed. The record goes last: a remove cut short is seen again.
    await rm(this.#allocDir(alloc), { recursive: true, force: true });
    await this.#records.delete(alloc);
  }

  /**
   * Writers of volumes are let go, too: from here to the next agent's `recover` nobody fences them. An agent that
   * does not come back stops them first.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const output of this.#outputs.values()) output.unwatch();
    for (const group of this.#groups.values()) group.release();
    await this.#records.settled();
    await mkdir(this.#dir, { recursive: true });
    await writeFile(this.#letGoMark, '');
    await this.#guard.letGo();
    await this.#cgroups.close();
  }

  /** The order matters: at no point can the agent be killed and leave a process that the next one cannot find. */
  async #run(spec: WorkloadSpec, intent: WorkloadRecord): Promise<Workload> {
    const { alloc, command, env } = spec;
    const dir = this.#allocDir(alloc);
    const output = this.#outputOf(alloc);
    const [cgroup] = await allDone([
      this.#limit(spec),
      this.#records.write(intent),
      this.#prepareDir(spec, dir),
    ] as const);
    const mustDie = spec.onAgentDeath === 'die';
    const file = await output.open();
    try {
      const environment = { ...env, [WORKLOAD_ID]: intent.id };
      const held = mustDie || cgroup !== undefined;
      const launched = await launch({ command, env: environment, cwd: dir, output: file.fd, held });
      // It is our child and not yet reaped, so it is in /proc, if only as a zombie.
      const identity = { pid: launched.pid, startTime: readStat(launched.pid)?.startTime ?? '' };
      const record = { ...intent, process: identity };
      const group = new ProcessGroup({
        alloc,
        process: identity,
        clock: this.#clock,
        child: launched.child,
        ...(cgroup && { cgroup }),
      });
      const known = [
        this.#records.write(record),
        mustDie && this.#guard.add(identity),
        cgroup?.add(identity.pid),
      ];
      try {
        await allDone(known);
        await launched.letRun();
      } catch (cause) {
        await group.stop(0);
        this.#guard.delete(identity.pid);
        throw cause;
      }
      return this.#keep(group, record);
    } catch (cause) {
      await cgroup?.remove();
      throw cause;
    } finally {
      await file.close();
    }
  }

  async #prepareDir(spec: WorkloadSpec, dir: string): Promise<void> {
    await mkdir(dir, { recursive: true });
    await placeVolumes(dir, spec.volumes);
    await assertRunnable(spec.command, spec.env, dir);
  }

  async #limit({ alloc, resources }: WorkloadSpec): Promise<Cgroup | undefined> {
    const wanted = resources.cpuMillis !== undefined || resources.memoryBytes !== undefined;
    return wanted ? this.#cgroups.create(alloc, resources) : undefined;
  }

  #keep(group: ProcessGroup, record: WorkloadRecord): Workload {
    const output = this.#outputOf(record.alloc);
    this.#groups.set(record.alloc, group);
    output.watch();
    void group.exited.then((exit) => {
      if (this.#isClosed) return; // the records are the next agent's
      output.unwatch();
      this.#guard.delete(group.pid);
      // Without this record the next agent finds the process gone all the same, only without its exit code.
      this.#records.write({ ...record, exit }).catch(() => {});
    });
    return group;
  }

  async #takeOver(
    record: WorkloadRecord,
    wereLetGo: boolean,
    marked: () => ReturnType<typeof findMarked>,
  ): Promise<Workload> {
    const { alloc } = record;
    const verdict = await judge(record, this.#bootId, marked);
    if (verdict.is === 'gone') return goneWorkload(alloc, verdict.pid, record.exit ?? {});
    if (verdict.is === 'strays') for (const { pid } of verdict.strays) killIfThere(pid);
    const { pid, startTime } = verdict.process;
    const identity = { pid, startTime };
    const known = { ...record, process: identity };
    if (!record.process) await this.#records.write(known);
    const cgroup = await this.#cgroups.find(alloc);
    const group = new ProcessGroup({
      alloc,
      process: identity,
      clock: this.#clock,
      ...(cgroup && { cgroup }),
    });
    const workload = this.#keep(group, known);
    const mustDie = record.onAgentDeath === 'die';
    if (verdict.is === 'running' && (!mustDie || wereLetGo)) {
      if (mustDie) await this.#guard.add(identity);
      return workload;
    }
    const timeout = new AbortController();
    await Promise.race([group.stop(0), sleep(this.#clock, RECOVER_KILL_WAIT_MS, timeout.signal)]);
    timeout.abort();
    return workload;
  }

  async #takeLetGoMark(): Promise<boolean> {
    try {
      await rm(this.#letGoMark);
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
      throw error;
    }
  }

  get #letGoMark(): string {
    return join(this.#dir, 'let-go');
  }

  #allocDir(alloc: string): string {
    return join(this.#dir, 'allocs', alloc);
  }

  #outputOf(alloc: string): Output {
    const known = this.#outputs.get(alloc);
    if (known) return known;
    const output = new Output({ dir: this.#allocDir(alloc), clock: this.#clock });
    this.#outputs.set(alloc, output);
    return output;
  }
}

/** Like `Promise.all`, but nothing still runs when it fails: what comes next may undo it. */
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
