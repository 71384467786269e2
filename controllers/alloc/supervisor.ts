/** All processes of an agent, by alloc: starts, adopts, fences and forgets them. */

import type { Clock } from '../../api/clock.ts';
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import { limitsOf, volumesOf } from '../../api/kinds/template.ts';
import type { Log } from '../../api/log.ts';
import type { Workload, WorkloadDriver } from '../../runtime/drivers/workload.ts';
import type { PortAllocator } from '../../runtime/ports.ts';
import { type Environment, type MountedVolume, workloadEnvironment } from './environment.ts';
import { isReported } from './facts.ts';
import { probeSettings } from './health.ts';
import { type Purpose, Supervision, type SupervisionOptions, type SupervisionView } from './supervision.ts';

export interface SupervisorOptions {
  /** At which the node's allocs are reached. */
  readonly address: string;
  readonly driver: WorkloadDriver;
  readonly ports: PortAllocator;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** What every workload gets from the agent's own environment. */
  readonly inherited: Environment;
  /** How workloads are probed; default: over the network. */
  readonly probe?: SupervisionOptions['probe'] | undefined;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #byAlloc = new Map<string, Supervision>();
  readonly #listeners = new Set<(alloc: string) => void>();
  readonly #onFence = new Set<() => void>();
  #isFenced = false;
  #isClosed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get address(): string {
    return this.#options.address;
  }

  /** True while the servers may have given this node up: nothing that writes to a volume may run, or start. */
  get isFenced(): boolean {
    return this.#isFenced;
  }

  view(alloc: string): SupervisionView | undefined {
    return this.#byAlloc.get(alloc);
  }

  /** True while a process is there that has the volume open. */
  isUsing(volume: string): boolean {
    return this.userOf(volume) !== undefined;
  }

  /** An alloc whose process has the volume open. @param but leaves this one out */
  userOf(volume: string, but?: string): string | undefined {
    for (const [alloc, { isAlive, volumes }] of this.#byAlloc)
      if (alloc !== but && isAlive && volumes.includes(volume)) return alloc;
    return undefined;
  }

  onChange(listener: (alloc: string) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
  }

  /** Calls back when the node was fenced, and when it is not any more. */
  onFence(listener: () => void, signal: AbortSignal): void {
    this.#onFence.add(listener);
    signal.addEventListener('abort', () => this.#onFence.delete(listener), { once: true });
  }

  /** Takes over what an earlier agent left; once, before anything else. */
  recover(workloads: readonly Workload[]): void {
    for (const workload of workloads) this.#add(workload.alloc, [], true).run(workload);
  }

  /**
   * Finds out whose the recovered processes are, and ends those that are nobody's any more.
   * @param allocOf the alloc of that name, if it still is
   */
  adopt(allocOf: (name: string) => Alloc | undefined): void {
    for (const [name, supervision] of this.#byAlloc) {
      const alloc = allocOf(name);
      if (alloc) this.#adopt(alloc, supervision);
      else {
        this.remove(name).catch((error: Error) => {
          this.#options.log.warn({ alloc: name, error: error.message }, 'what is left of an alloc stays');
        });
      }
    }
  }

  /** Begins at once, and tells the listeners when it runs or why it does not. */
  start(alloc: Alloc, volumes: readonly MountedVolume[]): void {
    if (this.#isClosed) return;
    const mounted = volumesOf(alloc.spec.template);
    void this.#launch(alloc, this.#add(alloc.metadata.name, mounted, false), volumes);
  }

  stop(alloc: string, graceMs: number, purpose: Purpose): void {
    this.#byAlloc.get(alloc)?.stop(graceMs, purpose);
  }

  /** Kills every process that writes to a volume, and lets none start, until `unfence`. */
  fence(): void {
    this.#isFenced = true;
    for (const listener of this.#onFence) listener();
    for (const supervision of this.#byAlloc.values()) {
      if (supervision.volumes.length > 0) supervision.stop(0, 'fenced');
    }
  }

  unfence(): void {
    this.#isFenced = false;
    for (const listener of this.#onFence) listener();
  }

  /** Kills what has the volume open: it is attached elsewhere, or to nothing. @returns when it is gone */
  async cutOff(volume: string): Promise<void> {
    const users = [...this.#byAlloc.values()].filter(
      ({ isAlive, volumes }) => isAlive && volumes.includes(volume),
    );
    for (const user of users) user.stop(0, 'fenced');
    await Promise.all(users.map((user) => user.gone));
  }

  /** Ends what is left of the alloc, and deletes what is kept of it. */
  async remove(alloc: string): Promise<void> {
    const supervision = this.#byAlloc.get(alloc);
    supervision?.stop(0, 'cleared');
    await supervision?.gone;
    await this.#options.driver.remove(alloc);
    this.#options.ports.release(alloc);
    // Only now: one that could not be removed is still known, and tried again.
    if (this.#byAlloc.get(alloc) === supervision) this.#byAlloc.delete(alloc);
  }

  /**
   * Starts nothing any more, and stops what `which` says.
   * @param graceMs for each of them; SIGKILL after it
   * @returns when all of them are gone
   */
  async close(which: 'all' | 'writers', graceMs: number): Promise<void> {
    this.#isClosed = true;
    const leaving: Supervision[] = [];
    for (const supervision of this.#byAlloc.values()) {
      if (which === 'all' || supervision.volumes.length > 0) {
        supervision.stop(graceMs, 'stopped');
        leaving.push(supervision);
      } else supervision.release();
    }
    await Promise.all(leaving.map((supervision) => supervision.gone));
  }

  #add(name: string, volumes: readonly string[], isAdopted: boolean): Supervision {
    const { clock, random, probe } = this.#options;
    const onChange = () => this.#changed(name);
    const supervision = new Supervision({ clock, random, onChange, volumes, isAdopted, probe });
    this.#byAlloc.set(name, supervision);
    return supervision;
  }

  #adopt(alloc: Alloc, supervision: Supervision): void {
    const { ports = [], startedAt } = alloc.status;
    supervision.volumes = volumesOf(alloc.spec.template);
    if (startedAt !== undefined) supervision.startedAtMs = Date.parse(startedAt);
    if (!supervision.isAlive || isTerminal(alloc)) return;
    if (!isReported(alloc) && alloc.spec.ports.length > 0) {
      // Its agent died before it could say which ports it was given: nothing can reach it.
      supervision.stop(0, 'cleared');
      return;
    }
    supervision.ports = ports;
    this.#options.ports.adopt(alloc.metadata.name, ports);
    const { phase, healthyAt } = alloc.status;
    const wasHealthy = phase === 'healthy' && healthyAt !== undefined;
    this.#probe(alloc, supervision, [], wasHealthy ? Date.parse(healthyAt) : undefined);
  }

  async #launch(alloc: Alloc, supervision: Supervision, volumes: readonly MountedVolume[]): Promise<void> {
    const { driver, ports, inherited } = this.#options;
    const { name } = alloc.metadata;
    try {
      const { command = [], driver: driverName } = alloc.spec.template;
      if (driverName !== 'exec')
        throw new Error(`no driver "${driverName}" is configured on node "${alloc.spec.node}"`);
      supervision.ports = await ports.reserve(name, alloc.spec.ports);
      if (supervision.purpose !== undefined)
        return supervision.failToStart('it was stopped before it was started');
      const workload = await driver.start({
        alloc: name,
        command,
        env: workloadEnvironment(alloc, inherited, supervision.ports, volumes),
        volumes,
        resources: limitsOf(alloc.spec.template),
        // Nobody could fence a writer whose agent is dead; the rest goes on, and the next agent adopts it.
        onAgentDeath: volumes.length > 0 ? 'die' : 'survive',
      });
      supervision.run(workload);
      this.#probe(alloc, supervision, volumes);
    } catch (error) {
      supervision.failToStart(error instanceof Error ? error.message : String(error));
    }
  }

  #probe(
    alloc: Alloc,
    supervision: Supervision,
    volumes: readonly MountedVolume[],
    healthySinceMs?: number,
  ): void {
    const { address: host, inherited } = this.#options;
    const { ports, pid = 0 } = supervision;
    const env = workloadEnvironment(alloc, inherited, ports, volumes);
    const settings = probeSettings(alloc, { host, ports, env, pid });
    if (settings) supervision.probe(settings, healthySinceMs);
  }

  #changed(alloc: string): void {
    const supervision = this.#byAlloc.get(alloc);
    // A suspended alloc keeps its ports for its way back.
    if (supervision?.process === 'gone' && supervision.purpose !== 'suspended')
      this.#options.ports.release(alloc);
    for (const listener of this.#listeners) listener(alloc);
  }
}
