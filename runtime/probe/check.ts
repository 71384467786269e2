/** What tells whether a workload is healthy: the checks, resolved to addresses and milliseconds. */

/** Healthy where a GET is answered with 2xx or 3xx. */
export interface HttpCheck {
  readonly kind: 'http';
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** Healthy where the port accepts a connection. */
export interface TcpCheck {
  readonly kind: 'tcp';
  readonly host: string;
  readonly port: number;
}

/** Healthy where the command exits with 0. It runs like the workload: in its directory, with its environment. */
export interface ExecCheck {
  readonly kind: 'exec';
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Healthy once the workload has run this long; whether it still runs is the driver's to tell. */
export interface UptimeCheck {
  readonly kind: 'uptime';
  readonly runMs: number;
}

export type ProbeCheck = HttpCheck | TcpCheck | ExecCheck;
export type Check = ProbeCheck | UptimeCheck;

/** How long a workload without a port and without a check of its own runs before it counts as healthy. */
const DEFAULT_UPTIME_MS = 1_000;

/** The check of a workload that declares none: it listens on its first port or, without one, it has run a while. */
export function defaultCheck(firstPort?: { readonly host: string; readonly port: number }): Check {
  return firstPort ? { kind: 'tcp', ...firstPort } : { kind: 'uptime', runMs: DEFAULT_UPTIME_MS };
}
