/** What a drain reports: how far it is, in numbers, and in a condition for each of its steps. */

import { timestamp } from '../../api/clock.ts';
import { withCondition } from '../../api/conditions.ts';
import type { DrainStatus, DrainStep, Node, NodeStatus } from '../../api/kinds/node.ts';
import { conditionsOf } from './conditions.ts';
import type { Facts } from './facts.ts';
import { failuresOf } from './failures.ts';
import type { State } from './machine.ts';

/** The step that is reported; a drain that is being cancelled keeps the one it was at. */
const STEPS: Readonly<Partial<Record<State, DrainStep>>> = {
  cordoning: 'cordoning',
  checkingFeasibility: 'checkingFeasibility',
  detachingVolumes: 'detachingVolumes',
  migrating: 'migrating',
  callingOff: 'migrating',
  forcingServices: 'migrating',
  stoppingTasks: 'stoppingTasks',
  releasingVolumes: 'detachingVolumes',
  drained: 'drained',
  failed: 'failed',
};

/** The whole status: the phase and the condition Ready are node-health's, and stay as they are. */
export function report(node: Node, facts: Facts, state: State, nowMs: number): NodeStatus {
  const { drain: before, ...rest } = node.status;
  const drain = state === 'idle' ? undefined : drainStatus(node, before, facts, state, nowMs);
  let conditions = node.status.conditions;
  for (const condition of conditionsOf(node, drain, facts, state)) {
    conditions = withCondition(conditions, condition, timestamp(nowMs));
  }
  return {
    ...rest,
    conditions,
    observedGeneration: node.metadata.generation,
    ...(drain ? { drain } : {}),
  };
}

function drainStatus(
  node: Node,
  before: DrainStatus | undefined,
  facts: Facts,
  state: State,
  nowMs: number,
): DrainStatus | undefined {
  const step = STEPS[state];
  if (step === undefined) return before;
  const now = timestamp(nowMs);
  // Another attempt begins afresh.
  const known = facts.isStarted ? before : undefined;
  const failed = facts.services.failed.length;
  return {
    step,
    attempt: node.spec.drainPolicy.attempt,
    startedAt: known?.startedAt ?? now,
    ...(state === 'cordoning' ? {} : { checkedAt: known?.checkedAt ?? now }),
    ...(step === 'drained' || step === 'failed' ? { finishedAt: known?.finishedAt ?? now } : {}),
    services: { ...progress(known?.services.total, facts.services.remaining), failed },
    tasks: progress(known?.tasks.total, facts.tasks.length),
    volumes: progress(known?.volumes.total, facts.volumes.here.length),
    failures: failuresOf(facts, state === 'failed'),
  };
}

/** The total is what was there at the start: nothing new comes to a cordoned node. What is not there any more is done. */
function progress(atStart: number | undefined, remaining: number): { total: number; done: number } {
  const total = Math.max(atStart ?? 0, remaining);
  return { total, done: total - remaining };
}
