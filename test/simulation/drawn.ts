/** What the operators and the faults of a simulated cluster are drawn for. */
import type { Action } from './plan.ts';

/**
 * Operators and faults come between these, in virtual milliseconds since the beginning: from when the first replicas
 * start, and close enough to each other to meet. Clusters with a short life are many, and many find more than long ones.
 */
export const FIRST_STEP_MS = 300;
export const LAST_STEP_MS = 6_000;
/** An agent or a gateway that is away for so long is given up by the servers, while it goes on. */
export const PAST_LEASES_MS = { least: 10_500, most: 14_000 };

export interface Size {
  readonly nodes: number;
  readonly gateways: number;
  readonly services: number;
}

/** With the time where it belongs to others of its kind; else that is drawn as well. */
export type Drawn = Action & { readonly atMs?: number };
