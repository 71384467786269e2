/** Node-health: tells from heartbeats whether a node is up, and fails the allocs of one that is down. */
import { isTerminal } from '../../api/kinds/alloc.ts';
import { nodeLeaseName } from '../../api/kinds/lease.ts';
import type { Node } from '../../api/kinds/node.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import type { LeaseTimes } from '../../runtime/lease-sight.ts';
import { commands } from './commands.ts';
import { deadlineMs, type Facts, factsOf } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';
import { statusOf } from './status.ts';

export interface NodeHealthOptions {
  readonly leases: LeaseTimes;
  /** When this server began to hear heartbeats, in ms since the epoch. */
  readonly startedAtMs: number;
  /** How long a node that was up is given to be heard of after that. */
  readonly downAfterMs: number;
}

/**
 * A silence that is found so long after it began to count was not watched: this process stood still (a paused
 * machine), could write nothing, or the leases were lost. Nobody can tell then whether the node was silent, so it
 * is given its time once more.
 */
const MAX_LATENESS_MS = 2_000;

export function createNodeHealthController(
  options: NodeHealthOptions,
): ControllerDefinition<'Node', Facts, Command, State> {
  const { leases, downAfterMs } = options;
  // Not facts that must survive: a process that starts again gives every node the same grace from its start.
  const firstGraceUntilMs = options.startedAtMs + downAfterMs;
  const graceByNode = new Map<string, number>();
  const graceUntilMs = (name: string) => graceByNode.get(name) ?? firstGraceUntilMs;
  return {
    name: 'node-health',
    kind: 'Node',
    watches: {
      Node: (node) => [node.metadata.name],
      // A heartbeat of a node that is up changes nothing, and costs nothing: when the lease would have run out,
      // the node is looked at, and the fresh lease seen. Only news wake it: it was down, or the lease is gone.
      Lease: (lease, reader) => {
        const name = lease.spec.holder === 'agent' ? lease.spec.node : undefined;
        const node = name === undefined ? undefined : reader.get('Node', name);
        if (!node || nodeLeaseName(node.metadata.name) !== lease.metadata.name) return [];
        return isDown(node) || !reader.get('Lease', lease.metadata.name) ? [node.metadata.name] : [];
      },
      // What appears on a node that is down (it was placed at the same moment) is failed, too.
      Alloc: (alloc, reader) => {
        const node = isTerminal(alloc) ? undefined : reader.get('Node', alloc.spec.node);
        return node && isDown(node) ? [alloc.spec.node] : [];
      },
    },
    observe(node, { reader, nowMs }) {
      const { name } = node.metadata;
      const lease = reader.get('Lease', nodeLeaseName(name));
      const expiryMs = lease && leases.hasHeard(lease) ? leases.expiryMs(lease) : undefined;
      const untilMs = deadlineMs(node.status.phase, expiryMs, graceUntilMs(name));
      const isLate = !isDown(node) && untilMs !== undefined && nowMs - untilMs > MAX_LATENESS_MS;
      if (isLate) graceByNode.set(name, nowMs + downAfterMs);
      const allocs = reader.byIndex('Alloc', 'node', name);
      return factsOf({ node, lease, expiryMs, allocs, graceUntilMs: graceUntilMs(name), nowMs });
    },
    machine,
    commands,
    report: statusOf,
    wakeAt: (facts) => facts.aliveUntilMs,
    forget: (name) => void graceByNode.delete(name),
  };
}

const isDown = (node: Node): boolean => node.status.phase === 'down';
