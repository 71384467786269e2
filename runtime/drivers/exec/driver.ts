/** Runs workloads as plain processes that outlive their agent, unless they must not. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import { assertName } from '../names.ts';
import type { LogOptions, Workload, WorkloadDriver, WorkloadSpec } from '../workload.ts';
import { followOutput } from './follow.ts';
import { Output } from './output.ts';
import { findMarked } from './proc.ts';
import { goneWorkload } from './process-group.ts';
import { WorkloadRecords } from './record.ts';
import { NO_PID } from './recover.ts';
import { Supervisor, WORKLOAD_ID } from './supervisor.ts';

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

/**
 *   DIR/allocs/ALLOC     the workload's directory: its volumes, `output.log`
 *   DIR/records/ALLOC    what the next agent has to know of it
 *   DIR/let-go           there while nobody runs the driver, after one that closed
 */
class ExecDriver implements WorkloadDriver {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #records: WorkloadRecords;
  readonly #supervisor: Supervisor;
  readonly #workloads = new Map<string, Workload>();
  readonly #outputs = new Map<string, Output>();
  readonly #starting = new Set<string>();

  constructor({ dir, clock, log, node, newId = randomUUID }: ExecDriverOptions) {
    this.#dir = dir;
    this.#clock = clock;
    this.#newId = newId;
    this.#records = new WorkloadRecords(dir);
    const ownLog = log.child({ driver: 'exec', node });
    this.#supervisor = new Supervisor({ owner: dir, clock, log: ownLog, records: this.#records });
  }

  async start(spec: WorkloadSpec): Promise<Workload> {
    const { alloc } = spec;
    this.#assertIdle(alloc, 'already runs');
    this.#starting.add(alloc);
    try {
      const workload = await this.#supervisor.start(spec, this.#newId(), this.#outputOf(alloc));
      this.#workloads.set(alloc, workload);
      return workload;
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
    const live = new Set<string>();
    const workloads: Workload[] = [];
    for (const record of await this.#records.list()) {
      if (typeof record === 'string') {
        // Only a power cut leaves a record that cannot be read, and no process outlives that.
        workloads.push(goneWorkload(record, NO_PID, {}));
        continue;
      }
      const { alloc } = record;
      const workload = await this.#supervisor.takeOver(record, this.#outputOf(alloc), wereLetGo, findOnce);
      this.#workloads.set(alloc, workload);
      workloads.push(workload);
      if (!workload.gone) live.add(alloc);
    }
    await this.#supervisor.sweep(live);
    return workloads;
  }

  async *logs(alloc: string, options: LogOptions): AsyncIterable<Buffer> {
    assertName('alloc', alloc);
    const workload = this.#workloads.get(alloc);
    const ended = workload && !workload.gone ? workload.exited : undefined;
    yield* followOutput(this.#outputOf(alloc), options, ended);
  }

  async remove(alloc: string): Promise<void> {
    this.#assertIdle(alloc, 'still runs');
    this.#workloads.delete(alloc);
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
    for (const output of this.#outputs.values()) output.unwatch();
    await this.#supervisor.release();
    await mkdir(this.#dir, { recursive: true });
    // Before the guard is dismissed: killed in between, we would leave writers that the next agent takes for lost.
    await writeFile(this.#letGoMark, '');
    await this.#supervisor.dismissGuard();
  }

  #assertIdle(alloc: string, complaint: string): void {
    assertName('alloc', alloc);
    const workload = this.#workloads.get(alloc);
    if (this.#starting.has(alloc) || (workload && !workload.gone))
      throw new Error(`alloc "${alloc}" ${complaint}`);
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
