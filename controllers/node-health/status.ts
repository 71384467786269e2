/** What node-health reports: the node's phase and its condition Ready; the rest of the status is the drain's. */

import { timestamp } from '../../api/clock.ts';
import { withCondition } from '../../api/conditions.ts';
import type { Node, NodeCondition, NodePhase, NodeStatus } from '../../api/kinds/node.ts';
import type { Facts } from './facts.ts';
import type { State } from './machine.ts';

const PHASES: Readonly<Record<State, NodePhase>> = {
  comingUp: 'ready',
  ready: 'ready',
  draining: 'draining',
  goingDown: 'down',
  failingAllocs: 'down',
  down: 'down',
};

export function statusOf(node: Node, facts: Facts, state: State, nowMs: number): NodeStatus {
  const { lastHeartbeat: _before, ...rest } = node.status;
  // A node that comes up while it is to be emptied is not ready for a moment.
  const phase = state === 'comingUp' && facts.isLeaving ? 'draining' : PHASES[state];
  const conditions = withCondition(node.status.conditions, readyCondition(node, facts), timestamp(nowMs));
  // While it lives the lease says when it was heard of; to copy each heartbeat would make it a commit on disk.
  const isNews = phase === 'down' && facts.lastHeartbeat !== undefined;
  return { ...rest, phase, conditions, ...(isNews ? { lastHeartbeat: facts.lastHeartbeat } : {}) };
}

function readyCondition(node: Node, facts: Facts): Omit<NodeCondition, 'lastTransitionTime'> {
  const observedGeneration = node.metadata.generation;
  if (facts.isAlive) {
    const message = 'its agent sends heartbeats';
    return { type: 'Ready', status: 'True', reason: 'HeartbeatFresh', message, observedGeneration };
  }
  if (facts.isNeverSeen) {
    const message = 'its agent has not been heard of yet';
    return { type: 'Ready', status: 'False', reason: 'NeverSeen', message, observedGeneration };
  }
  const since = facts.lastHeartbeat === undefined ? '' : `; the last was at ${facts.lastHeartbeat}`;
  const message = `its agent sends no heartbeats${since}`;
  return { type: 'Ready', status: 'False', reason: 'HeartbeatMissing', message, observedGeneration };
}
