/** A machine as it really is, whatever mill believes: its processes, its mounts, its mesh. */
import type { WorkloadExit } from '../../runtime/drivers/workload.ts';
import type { MeshConfiguration } from '../../runtime/mesh/mesh.ts';
import type { ClockError } from './process.ts';

/** One process group, running or gone. */
export interface RealProcess {
  readonly alloc: string;
  readonly pid: number;
  readonly ports: readonly number[];
  /** uids of the volumes that it has open. */
  readonly volumes: readonly string[];
  readonly onAgentDeath: 'die' | 'survive';
  readonly fate: Fate;
  readonly startedAtMs: number;
  isRunning: boolean;
  /** Until then its health checks fail although it was healthy before. */
  unhealthyUntilMs: number;
  exit: WorkloadExit | undefined;
  readonly onExit: Set<() => void>;
}

/** How a workload behaves; drawn when it is started. */
export interface Fate {
  /** Undefined: it cannot be started at all. */
  readonly startMs: number | undefined;
  readonly healthyAfterMs: number;
  /** After which it ends by itself. */
  readonly exitAfterMs: number | undefined;
  readonly exitCode: number;
  /** From SIGTERM to its end; undefined: only SIGKILL ends it. */
  readonly stopMs: number | undefined;
}

export class Machine {
  readonly name: string;
  readonly address: string;
  readonly publicKey: string;
  readonly time: ClockError = { offsetMs: 0, rate: 1 };
  isUp = true;
  /** The latest process of each alloc that the workload driver keeps something of. */
  readonly processes = new Map<string, RealProcess>();
  /** uids of the volumes mounted here. */
  readonly mounts = new Set<string>();
  mesh: MeshConfiguration | undefined;
  #lastPid = 100;

  constructor(name: string, index: number) {
    this.name = name;
    this.address = `10.0.0.${index}`;
    this.publicKey = Buffer.alloc(32, name).toString('base64');
  }

  nextPid(): number {
    this.#lastPid += 1;
    return this.#lastPid;
  }

  running(): RealProcess[] {
    return [...this.processes.values()].filter((process) => process.isRunning);
  }

  end(process: RealProcess, exit: WorkloadExit): void {
    if (!process.isRunning) return;
    process.isRunning = false;
    process.exit = exit;
    for (const callback of [...process.onExit]) callback();
    process.onExit.clear();
  }

  /** The agent is gone without a word: whatever could not be fenced any more goes with it. */
  agentDied(): void {
    for (const process of this.running()) {
      if (process.onAgentDeath === 'die') this.end(process, { signal: 'SIGKILL' });
    }
  }

  /** Power is lost: processes and mounts with it. What is attached stays attached. */
  die(): void {
    this.isUp = false;
    for (const process of this.running()) this.end(process, { signal: 'SIGKILL' });
    this.mounts.clear();
    this.mesh = undefined;
  }
}
