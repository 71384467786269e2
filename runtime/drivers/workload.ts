/** What an agent asks of a driver that runs workloads (`exec`, `container`, the simulation's). */

export interface WorkloadSpec {
  /** Name of the alloc; one workload an alloc at a time. */
  readonly alloc: string;
  readonly command: readonly string[];
  /** The whole environment, `PORT`, `MILL_ALLOC`, … included. */
  readonly env: Readonly<Record<string, string>>;
  /** Directories to place at `path` (relative to, or below, the workload's directory). */
  readonly volumes: readonly { readonly name: string; readonly path: string; readonly source: string }[];
  readonly resources: { readonly cpuMillis?: number; readonly memoryBytes?: number };
  /**
   * What the workload does when its agent dies without a word: `die` for a writer of a volume (nobody could
   * fence it any more), `survive` for the rest (the next agent adopts it).
   */
  readonly onAgentDeath: 'die' | 'survive';
}

export interface WorkloadExit {
  /** Absent where the exit was not seen (the process ended while no agent watched it). */
  readonly exitCode?: number;
  readonly signal?: string;
}

/** A workload's process group, running or gone. */
export interface Workload {
  readonly alloc: string;
  readonly pid: number;
  /** True once the whole process group is gone. */
  readonly gone: boolean;
  /** Resolves when the whole process group is gone, not merely its first process. */
  readonly exited: Promise<WorkloadExit>;
  /**
   * SIGTERM to the group, SIGKILL after `graceMs`; resolves when the group is gone. Idempotent: a second call
   * joins the first, and a shorter grace shortens it.
   */
  stop(graceMs: number): Promise<WorkloadExit>;
}

export interface LogOptions {
  readonly follow?: boolean;
  /** Only the last lines of what is there. */
  readonly tailLines?: number;
  readonly signal?: AbortSignal;
}

export interface WorkloadDriver {
  /** @throws Error with a one-line reason where the process cannot be started (no such command, …) */
  start(spec: WorkloadSpec): Promise<Workload>;
  /** The workloads that an earlier agent left: adopted where alive, with `gone` where not. Called once, first. */
  recover(): Promise<readonly Workload[]>;
  /** Standard output and error of an alloc's workload, also after it ended. */
  logs(alloc: string, options: LogOptions): AsyncIterable<Buffer>;
  /** Deletes what is kept of an alloc (directory, logs). Absence is success. Its workload is gone. */
  remove(alloc: string): Promise<void>;
  /** Lets go of everything without stopping it: timers, file watches. */
  close(): Promise<void>;
}
