/**
 * How long an agent may be silent. What writes to its volumes is killed before the servers call the node down and give
 * the volumes to others: sooner by far more than a kill takes, and than two clocks may differ.
 */

export interface AgentTimes {
  /** A node is taken for down when its lease was not renewed for so long. */
  readonly leaseDurationMs: number;
  /** After so long without the servers the agent kills all that writes to a volume. */
  readonly fenceAfterMs: number;
  readonly renewEveryMs: number;
}

/** A server that keeps its store itself takes heartbeats whenever it runs. Two renewals may be lost before anything is fenced. */
export const WITH_ONE_SERVER: AgentTimes = {
  leaseDurationMs: 10_000,
  fenceAfterMs: 6_000,
  renewEveryMs: 2_000,
};

/**
 * Servers that share a store take no heartbeat while NATS elects a leader: for 4 to 8 s, as was measured. Before it the
 * last renewal may be 2 s old; after it one that hangs is given up after 2 s, and the next is sent half a second later.
 */
export const WITH_SEVERAL_SERVERS: AgentTimes = {
  leaseDurationMs: 20_000,
  fenceAfterMs: 15_000,
  renewEveryMs: 2_000,
};

/**
 * Where a lease says nothing of a node (a server has just begun to look, or all leases were lost), its agent is given so
 * long to be heard of: as long as any lease lasts, since the servers do not know after how long it fences itself.
 */
export const NODE_RETURN_MS = WITH_SEVERAL_SERVERS.leaseDurationMs;
