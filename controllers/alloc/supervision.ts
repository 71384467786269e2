/** One alloc's process as its agent knows it: started or adopted, probed while it runs, seen to its end. */
import type { Clock } from '../../api/clock.ts';
import type { Workload, WorkloadExit } from '../../runtime/drivers/workload.ts';
import type { Port } from '../../runtime/ports.ts';
import { type Health, Prober, type ProberOptions } from '../../runtime/probe/prober.ts';
import type { ProbeSettings } from './health.ts';

export type Process = 'starting' | 'running' | 'stopping' | 'gone';

/** Why the agent stopped a process. `cleared`: it had no business to run. */
export type Purpose = 'suspended' | 'stopped' | 'fenced' | 'cleared';

/** What others may see of it. */
export interface SupervisionView {
  readonly process: Process;
  /** When `process` became so, in ms since the epoch. */
  readonly sinceMs: number;
  readonly isAdopted: boolean;
  readonly startedAtMs: number | undefined;
  readonly pid: number | undefined;
  readonly ports: readonly Port[];
  /** Set once the agent stops it. */
  readonly purpose: Purpose | undefined;
  readonly exit: WorkloadExit | undefined;
  readonly startError: string | undefined;
  readonly health: Health | undefined;
  readonly healthySinceMs: number | undefined;
  /** Why it is not healthy, as far as that is known. */
  readonly healthMessage: string | undefined;
}

export interface SupervisionOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Called at each change. */
  readonly onChange: () => void;
  /** Names of the volumes that its process has open. */
  readonly volumes: readonly string[];
  readonly isAdopted: boolean;
  /** How a check is carried out; default: over the network. */
  readonly probe?: ProberOptions['probe'] | undefined;
}

export class Supervision implements SupervisionView {
  process: Process = 'starting';
  sinceMs: number;
  startedAtMs: number | undefined;
  ports: readonly Port[] = [];
  purpose: Purpose | undefined;
  exit: WorkloadExit | undefined;
  startError: string | undefined;
  health: Health | undefined;
  healthySinceMs: number | undefined;
  readonly isAdopted: boolean;
  /** Names of the volumes that its process has open. */
  volumes: readonly string[];
  readonly #options: SupervisionOptions;
  #workload: Workload | undefined;
  #prober: Prober | undefined;
  #unhealthyReason: string | undefined;
  #graceMs = 0;
  #onGone: () => void = () => {};
  /** Resolves when nothing of it is left, or it never came to be. */
  readonly gone: Promise<void>;

  constructor(options: SupervisionOptions) {
    this.#options = options;
    this.sinceMs = options.clock.now();
    this.isAdopted = options.isAdopted;
    this.volumes = options.volumes;
    this.gone = new Promise((resolve) => {
      this.#onGone = resolve;
    });
  }

  get pid(): number | undefined {
    return this.#workload?.pid;
  }

  get isAlive(): boolean {
    return this.process !== 'gone';
  }

  get healthMessage(): string | undefined {
    const last = this.#prober?.lastResult;
    return this.#unhealthyReason ?? (last?.ok === false ? last.reason : undefined);
  }

  run(workload: Workload): void {
    this.#workload = workload;
    this.startedAtMs = this.#options.clock.now();
    void workload.exited.then((exit) => this.#ended(exit));
    if (workload.gone) this.#become('gone');
    else if (this.purpose === undefined) this.#become('running');
    else void workload.stop(this.#graceMs); // it was told to stop while it was being started
  }

  failToStart(reason: string): void {
    this.startError = reason;
    this.#become('gone');
  }

  /** @param healthySinceMs for an adopted one that was healthy: it stays so until a probe says otherwise */
  probe(settings: ProbeSettings, healthySinceMs?: number): void {
    if (this.process !== 'running') return;
    const { clock, random, probe } = this.#options;
    this.healthySinceMs = healthySinceMs;
    this.health = healthySinceMs === undefined ? undefined : 'healthy';
    this.#prober = new Prober({
      ...settings,
      clock,
      random,
      ...(probe === undefined ? {} : { probe }),
      ...(this.health === undefined ? {} : { initialHealth: this.health }),
      onChange: (health, reason) => this.#judged(health, reason),
    });
    this.#prober.start();
  }

  /** SIGTERM, SIGKILL after the grace. A second call may only shorten the grace; the first purpose stays. */
  stop(graceMs: number, purpose: Purpose): void {
    if (!this.isAlive) return;
    this.#graceMs = this.purpose === undefined ? graceMs : Math.min(this.#graceMs, graceMs);
    this.purpose ??= purpose;
    this.#prober?.stop();
    if (this.process !== 'stopping') this.#become('stopping');
    void this.#workload?.stop(graceMs);
  }

  /** No more probes; the process is left as it is. */
  release(): void {
    this.#prober?.stop();
  }

  #ended(exit: WorkloadExit): void {
    this.#prober?.stop();
    this.exit = exit;
    this.#become('gone');
  }

  #judged(health: Health, reason: string): void {
    this.health = health;
    this.healthySinceMs = health === 'healthy' ? this.#options.clock.now() : undefined;
    this.#unhealthyReason = health === 'healthy' ? undefined : reason;
    this.#options.onChange();
  }

  #become(process: Process): void {
    this.process = process;
    this.sinceMs = this.#options.clock.now();
    if (process === 'gone') this.#onGone();
    this.#options.onChange();
  }
}
