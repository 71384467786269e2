/** Runs workloads on a simulated machine: what an agent's driver and its probes see of it. */
import type { Workload, WorkloadDriver, WorkloadExit, WorkloadSpec } from '../../runtime/drivers/workload.ts';
import type { ProbeCheck } from '../../runtime/probe/check.ts';
import type { ProbeResult } from '../../runtime/probe/probe.ts';
import type { Fate, Machine, RealProcess } from './machine.ts';
import { never, type SimulatedProcess } from './process.ts';
import { between } from './randomness.ts';
import type { Witness } from './witness.ts';

export interface WorkloadsOptions {
  readonly machine: Machine;
  readonly agent: SimulatedProcess;
  readonly witness: Witness;
  /** How the next workload behaves. */
  readonly fateOf: (spec: WorkloadSpec) => Fate;
}

const SIGNAL_MS = 2;
/** Of what an earlier agent left: sooner or later than the first word of the servers. */
const SLOWEST_RECOVERY_MS = 20;

export function createSimulatedWorkloads(options: WorkloadsOptions): WorkloadDriver {
  const { machine, agent, witness, fateOf } = options;
  const { timeline } = agent;
  const handle = (process: RealProcess) => workloadOf(process, options);
  return {
    async start(spec) {
      const fate = fateOf(spec);
      await agent.call(fate.startMs ?? 5, () => {});
      if (fate.startMs === undefined) throw new Error('no such command');
      const volumes = spec.volumes.map(({ source }) => source.slice('/volumes/'.length));
      const { PORT } = spec.env;
      const process: RealProcess = {
        alloc: spec.alloc,
        pid: machine.nextPid(),
        ports: PORT === undefined ? [] : [Number(PORT)],
        volumes,
        onAgentDeath: spec.onAgentDeath,
        fate,
        startedAtMs: timeline.nowMs,
        isRunning: true,
        unhealthyUntilMs: 0,
        exit: undefined,
        onExit: new Set(),
      };
      const before = machine.processes.get(spec.alloc);
      machine.processes.set(spec.alloc, process);
      witness.started(machine, process, before);
      if (fate.exitAfterMs !== undefined) {
        timeline.after(fate.exitAfterMs, () => machine.end(process, { exitCode: fate.exitCode }));
      }
      process.onExit.add(() => witness.exited(machine, process));
      return handle(process);
    },
    async recover() {
      await agent.call(between(agent.random, 0.5, SLOWEST_RECOVERY_MS), () => {});
      return [...machine.processes.values()].map(handle);
    },
    async *logs() {},
    async remove(alloc) {
      await agent.call(1, () => {});
      const process = machine.processes.get(alloc);
      if (process?.isRunning) witness.violated('leak', `alloc ${alloc} was removed while its process runs`);
      machine.processes.delete(alloc);
    },
    async close() {},
  };
}

function workloadOf(process: RealProcess, options: WorkloadsOptions): Workload {
  const { machine, agent, witness } = options;
  const { timeline } = agent;
  let killAtMs = Number.POSITIVE_INFINITY;
  const exited = new Promise<WorkloadExit>((resolve) => {
    const tell = () => timeline.after(SIGNAL_MS, () => agent.isAlive && resolve(process.exit ?? {}));
    if (process.isRunning) process.onExit.add(tell);
    // The end of what ended while no agent watched is not known.
    else resolve({});
  });
  return {
    alloc: process.alloc,
    pid: process.pid,
    get gone() {
      return !process.isRunning;
    },
    exited,
    stop(graceMs) {
      if (!agent.step()) return never();
      if (!process.isRunning) return exited;
      if (killAtMs === Number.POSITIVE_INFINITY) {
        witness.signalled(machine, process, graceMs);
        const { stopMs } = process.fate;
        if (stopMs !== undefined && graceMs > 0) {
          timeline.after(stopMs, () => machine.end(process, { exitCode: 0 }));
        }
      }
      const atMs = timeline.nowMs + graceMs;
      if (atMs < killAtMs) {
        killAtMs = atMs;
        timeline.after(graceMs + SIGNAL_MS, () => {
          if (agent.isAlive) machine.end(process, { signal: 'SIGKILL' });
        });
      }
      return exited;
    },
  };
}

/** What a health check sees. */
export function createSimulatedProbe(machine: Machine, agent: SimulatedProcess) {
  return async (check: ProbeCheck, signal: AbortSignal): Promise<ProbeResult> => {
    await agent.timeline.wait(between(agent.random, 0.2, 1));
    if (!agent.isAlive) return never();
    if (signal.aborted) return { ok: false, reason: 'stopped' };
    if (check.kind === 'exec') return { ok: true };
    const process = machine.running().find(({ ports }) => ports.includes(check.port));
    if (!process) return { ok: false, reason: 'connection refused' };
    const { startedAtMs, fate, unhealthyUntilMs } = process;
    const nowMs = agent.timeline.nowMs;
    const isOk = nowMs >= startedAtMs + fate.healthyAfterMs && nowMs >= unhealthyUntilMs;
    return isOk ? { ok: true } : { ok: false, reason: 'http 503' };
  };
}
