/** How an alloc's health is to be found out, from what its template says. */
import { durationMs } from '../../api/duration.ts';
import type { Alloc } from '../../api/kinds/alloc.ts';
import type { Port } from '../../runtime/ports.ts';
import { type Check, defaultCheck } from '../../runtime/probe/check.ts';
import type { ProberOptions } from '../../runtime/probe/prober.ts';
import type { Environment } from './environment.ts';

/** Of a check that the template does not give. Milliseconds, and probes. */
const DEFAULT_INTERVAL_MS = 1_000;
const DEFAULT_UNHEALTHY_AFTER = 3;

export type ProbeSettings = Pick<
  ProberOptions,
  'check' | 'intervalMs' | 'timeoutMs' | 'healthyAfter' | 'unhealthyAfter'
>;

export interface Probed {
  readonly host: string;
  readonly ports: readonly Port[];
  readonly env: Environment;
  readonly pid: number;
}

/** Nothing for a task that declares no check: it runs to its end, and nobody waits for it to be healthy. */
export function probeSettings({ spec }: Alloc, probed: Probed): ProbeSettings | undefined {
  const { health } = spec.template;
  if (!health && spec.owner.kind === 'Task') return undefined;
  const intervalMs = health ? durationMs(health.interval) : DEFAULT_INTERVAL_MS;
  return {
    check: checkOf(health, probed),
    intervalMs,
    timeoutMs: health ? durationMs(health.timeout) : DEFAULT_INTERVAL_MS,
    healthyAfter: probes(health?.healthyAfter ?? 1, intervalMs),
    unhealthyAfter: probes(health?.unhealthyAfter ?? DEFAULT_UNHEALTHY_AFTER, intervalMs),
  };
}

function checkOf(health: Alloc['spec']['template']['health'], { host, ports, env, pid }: Probed): Check {
  const portOf = (reference: string | number | undefined): number | undefined =>
    typeof reference === 'number'
      ? reference
      : (reference === undefined ? ports[0] : ports.find(({ name }) => name === reference))?.port;
  // The process' own directory, wherever its driver put it.
  if (health?.exec) return { kind: 'exec', command: health.exec.command, env, cwd: `/proc/${pid}/cwd` };
  const port = portOf((health?.http ?? health?.tcp)?.port);
  if (health?.http && port !== undefined) return { kind: 'http', host, port, path: health.http.path };
  return defaultCheck(port === undefined ? undefined : { host, port });
}

/** Probes in a row that a threshold asks for: a number, or as many as a duration has intervals, and the first. */
function probes(threshold: number | string, intervalMs: number): number {
  if (typeof threshold === 'number') return threshold;
  return Math.ceil(durationMs(threshold) / Math.max(1, intervalMs)) + 1;
}
