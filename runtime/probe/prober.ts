/** Watches over one workload's health for as long as it lives: eagerly until it is healthy, then at intervals. */
import type { Clock } from '../../api/clock.ts';
import type { Check, ProbeCheck } from './check.ts';
import { type ProbeResult, probe } from './probe.ts';

/**
 * Pause after the first probe that failed, while the workload was never healthy: one that listens at once is found
 * healthy a few milliseconds later. It grows by `EAGER_GROWTH`, up to the interval, so a slow one costs little.
 */
const EAGER_FIRST_MS = 2;
const EAGER_GROWTH = 1.5;
/** Share of the interval by which a pause is off at most, so that a node's probes spread out. */
const JITTER = 0.1;

export type Health = 'healthy' | 'unhealthy';

export interface ProberOptions {
  readonly check: Check;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Successes in a row, an interval apart, that make it healthy. */
  readonly healthyAfter: number;
  /** Failures in a row, an interval apart, that make it unhealthy once it was healthy. */
  readonly unhealthyAfter: number;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /**
   * Called at each change, first when the workload becomes healthy: one that has not started yet is not unhealthy
   * (its start has a deadline of its own, and `lastResult` says why it is not there).
   */
  readonly onChange: (health: Health, reason: string) => void;
  /** How a check is carried out; tests hand in their own. */
  readonly probe?: (check: ProbeCheck, signal: AbortSignal) => Promise<ProbeResult>;
  /** What an earlier prober found: it holds until this one finds otherwise. Default: not known. */
  readonly initialHealth?: Health;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #stopped = new AbortController();
  #health: Health | undefined;
  #lastResult: ProbeResult | undefined;
  /** Results in a row that were the same as the last one. */
  #inARow = 0;
  #eagerMs = EAGER_FIRST_MS;
  #cancel = () => {};

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#health = options.initialHealth;
  }

  /** Undefined until it is healthy for the first time, unless an earlier prober knew. */
  get health(): Health | undefined {
    return this.#health;
  }

  get lastResult(): ProbeResult | undefined {
    return this.#lastResult;
  }

  /** Begins, with a probe at once. Call it when the workload's process runs. */
  start(): void {
    const { check, clock } = this.#options;
    if (check.kind === 'uptime') {
      this.#cancel = clock.schedule(check.runMs, () => this.#become('healthy', `ran for ${check.runMs} ms`));
    } else void this.#probeOn(check);
  }

  /** Ends it, a probe under way included; there is no change after this. */
  stop(): void {
    this.#cancel();
    this.#stopped.abort(new Error('stopped'));
  }

  async #probeOn(check: ProbeCheck): Promise<void> {
    const result = await this.#probeOnce(check);
    if (this.#stopped.signal.aborted) return;
    this.#inARow = this.#lastResult?.ok === result.ok ? this.#inARow + 1 : 1;
    this.#lastResult = result;
    // The next probe is set before the change is told, so that a callback which stops us stops that, too.
    this.#cancel = this.#options.clock.schedule(this.#nextMs(result), () => void this.#probeOn(check));
    const { healthyAfter, unhealthyAfter } = this.#options;
    if (result.ok && this.#inARow >= healthyAfter) this.#become('healthy', `${check.kind} check passed`);
    if (!result.ok && this.#health && this.#inARow >= unhealthyAfter)
      this.#become('unhealthy', result.reason);
  }

  async #probeOnce(check: ProbeCheck): Promise<ProbeResult> {
    const { clock, timeoutMs } = this.#options;
    const ended = new AbortController();
    const stop = () => ended.abort(this.#stopped.signal.reason);
    this.#stopped.signal.addEventListener('abort', stop, { once: true });
    const cancel = clock.schedule(timeoutMs, () =>
      ended.abort(new Error(`no answer within ${timeoutMs} ms`)),
    );
    try {
      return await (this.#options.probe ?? probe)(check, ended.signal);
    } finally {
      cancel();
      this.#stopped.signal.removeEventListener('abort', stop);
    }
  }

  /** Successes are counted an interval apart, or `healthyAfter` would say nothing about time. */
  #nextMs(result: ProbeResult): number {
    const { intervalMs, random } = this.#options;
    if (this.#health || result.ok) return intervalMs * (1 + JITTER * (2 * random() - 1));
    const delayMs = Math.min(this.#eagerMs, intervalMs);
    this.#eagerMs = Math.min(intervalMs, this.#eagerMs * EAGER_GROWTH);
    return delayMs;
  }

  #become(health: Health, reason: string): void {
    if (this.#health === health) return;
    this.#health = health;
    this.#options.onChange(health, reason);
  }
}
