/** What node-health judges a node by: its agent's lease, what was recorded of it, and the allocs it still has. */
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import type { Lease } from '../../api/kinds/lease.ts';
import type { Node, NodePhase } from '../../api/kinds/node.ts';

export interface Facts {
  readonly node: string;
  /** Its heartbeats are fresh, or it is too early to miss them. */
  readonly isAlive: boolean;
  /** When it counts as down unless it is heard of, in ms since the epoch; absent where that is so already. */
  readonly aliveUntilMs?: number;
  /** Someone wants it empty: it takes no work, though it is up. */
  readonly isLeaving: boolean;
  readonly recordedPhase: NodePhase;
  /** An agent has never been heard of. */
  readonly isNeverSeen: boolean;
  readonly lastHeartbeat?: string;
  /** Names of the allocs that are not over. */
  readonly activeAllocs: readonly string[];
}

export interface Observation {
  readonly node: Node;
  readonly lease: Lease | undefined;
  /** When it runs out, in ms since the epoch; undefined where its agent was not heard yet. */
  readonly expiryMs: number | undefined;
  readonly allocs: readonly Alloc[];
  /** Before this time (ms since the epoch) no silence counts against a node that was up. */
  readonly graceUntilMs: number;
  readonly nowMs: number;
}

export function factsOf({ node, lease, expiryMs, allocs, graceUntilMs, nowMs }: Observation): Facts {
  const recordedPhase = node.status.phase;
  const untilMs = deadlineMs(recordedPhase, expiryMs, graceUntilMs);
  const isAlive = untilMs !== undefined && nowMs < untilMs;
  const lastHeartbeat = lease?.spec.renewTime ?? node.status.lastHeartbeat;
  const { drain, removed } = node.spec;
  return {
    node: node.metadata.name,
    isAlive,
    ...(isAlive ? { aliveUntilMs: untilMs } : {}),
    isLeaving: drain || removed || node.metadata.deletionTimestamp !== undefined,
    recordedPhase,
    isNeverSeen: !lease && recordedPhase === 'down' && !wasSeen(node),
    ...(lastHeartbeat === undefined ? {} : { lastHeartbeat }),
    activeAllocs: isAlive
      ? []
      : allocs.filter((alloc) => !isTerminal(alloc)).map((alloc) => alloc.metadata.name),
  };
}

/**
 * When the node's silence counts. Leases live in memory: after a restart there are none, so a node that was up is
 * given time to be heard of; one that was down stays so until it is.
 */
export function deadlineMs(
  recordedPhase: NodePhase,
  expiryMs: number | undefined,
  graceUntilMs: number,
): number | undefined {
  if (recordedPhase === 'down') return expiryMs;
  return Math.max(expiryMs ?? graceUntilMs, graceUntilMs);
}

const wasSeen = (node: Node): boolean =>
  node.status.lastHeartbeat !== undefined ||
  node.status.conditions.some((condition) => condition.type === 'Ready' && condition.reason !== 'NeverSeen');
