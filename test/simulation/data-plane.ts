/** What a gateway sends where, and the requests that are still on their way to a backend that left. */
import type { DataPlane } from '../../controllers/processes/gateway.ts';
import type { Routes } from '../../runtime/gateway/routes.ts';
import type { SimulatedProcess } from './process.ts';
import { between } from './randomness.ts';

/** Share of backends that have a request in flight when they are unrouted. */
const BUSY = 0.4;

export class SimulatedDataPlane implements DataPlane {
  readonly #process: SimulatedProcess | undefined;
  readonly #onApplied: () => void;
  readonly #routes = new Map<string, Routes>();
  readonly #draining = new Set<string>();
  readonly #callbacks = new Set<() => void>();

  /** @param process absent: one that was never started, and sends nothing */
  constructor(process: SimulatedProcess | undefined, onApplied: () => void = () => {}) {
    this.#process = process;
    this.#onApplied = onApplied;
  }

  /** True where the alloc gets new requests, or has not answered all that it got. */
  isUsing(alloc: string): boolean {
    return this.routed().has(alloc) || this.#draining.has(alloc);
  }

  routed(): Set<string> {
    const ports = [...this.#routes.values()].flatMap((routes) => routes.ports);
    return new Set(ports.flatMap(({ backends }) => backends.map((backend) => backend.alloc)));
  }

  apply(routes: Routes): void {
    const before = this.routed();
    this.#routes.set(routes.service, routes);
    this.#left(before, routes.drainTimeoutMs);
  }

  remove(service: string): void {
    const before = this.routed();
    const { drainTimeoutMs = 0 } = this.#routes.get(service) ?? {};
    this.#routes.delete(service);
    this.#left(before, drainTimeoutMs);
  }

  draining(): readonly string[] {
    return [...this.#draining].sort();
  }

  onDrained(callback: () => void): void {
    this.#callbacks.add(callback);
  }

  async listening(): Promise<void> {}
  problems = () => [];
  metrics = () => ({});
  async close(): Promise<void> {}

  #left(before: ReadonlySet<string>, drainTimeoutMs: number): void {
    const process = this.#process;
    if (!process) return;
    this.#onApplied();
    const { random, timeline } = process;
    const after = this.routed();
    for (const alloc of before) {
      if (after.has(alloc) || random() >= BUSY) continue;
      this.#draining.add(alloc);
      timeline.after(between(random, 1, Math.min(drainTimeoutMs, 500)), () => {
        this.#draining.delete(alloc);
        if (process.isAlive) for (const callback of this.#callbacks) callback();
      });
    }
  }
}
