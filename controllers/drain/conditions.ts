/** The conditions of a node that a drain keeps: one for each of its steps, and whether the node may be removed. */

import { timestamp } from '../../api/clock.ts';
import type {
  DrainStatus,
  Node,
  NodeCondition,
  NodeConditionType,
  NodeReason,
} from '../../api/kinds/node.ts';
import type { Facts } from './facts.ts';
import type { State } from './machine.ts';
import { describeDrained, describeFailures, named, plural } from './messages.ts';

type NewCondition = Omit<NodeCondition, 'lastTransitionTime'>;
type Verdict = readonly [status: NodeCondition['status'], reason: NodeReason, message: string];

/** @param drain the report of the drain as it is about to be written; absent where there is none */
export function conditionsOf(
  node: Node,
  drain: DrainStatus | undefined,
  facts: Facts,
  state: State,
): NewCondition[] {
  const condition = (type: NodeConditionType, [status, reason, message]: Verdict): NewCondition => ({
    type,
    status,
    reason,
    message,
    observedGeneration: node.metadata.generation,
  });
  const cordoned = condition('Cordoned', cordonedVerdict(facts));
  if (!facts.isWanted || !drain) {
    const none: Verdict = ['False', 'NotDraining', 'the node is not being drained'];
    const kept = new Set<string>(node.status.conditions.map(({ type }) => type));
    const steps = (['VolumesDetached', 'ServicesMigrated', 'TasksStopped'] as const).filter((t) =>
      kept.has(t),
    );
    return [cordoned, ...[...steps, 'Drained' as const, 'Removable' as const].map((t) => condition(t, none))];
  }
  return [
    cordoned,
    condition('VolumesDetached', volumesVerdict(drain, facts)),
    condition('ServicesMigrated', servicesVerdict(drain, facts, state)),
    condition('TasksStopped', tasksVerdict(drain, facts, state)),
    condition('Drained', drainedVerdict(node, drain, facts, state)),
    condition('Removable', removableVerdict(facts, state)),
  ];
}

function cordonedVerdict({ isWanted, isUnschedulable }: Facts): Verdict {
  if (isWanted) return ['True', 'DrainRequested', 'no new work is placed here: the node is drained'];
  return isUnschedulable
    ? ['True', 'MarkedUnschedulable', 'no new work is placed here: the node is cordoned']
    : ['False', 'Schedulable', 'new work may be placed here'];
}

function volumesVerdict({ volumes: { total } }: DrainStatus, { volumes }: Facts): Verdict {
  if (volumes.failed.length > 0) return ['False', 'AttachedVolumes', describeFailures(volumes.failed)];
  if (volumes.here.length === 0) {
    return total === 0
      ? ['True', 'NothingToDo', 'no volume was here']
      : ['True', 'Completed', `${plural(total, 'volume')} left the node`];
  }
  return volumes.idle.length > 0
    ? ['False', 'InProgress', `detaches ${named(volumes.idle)}`]
    : ['False', 'Waiting', `${named(volumes.here)} leave together with what uses them`];
}

function servicesVerdict({ services, failures }: DrainStatus, facts: Facts, state: State): Verdict {
  const { total, done } = services;
  if (facts.services.remaining === 0) {
    return total === 0
      ? ['True', 'NothingToDo', 'no service was here']
      : ['True', 'Completed', `${plural(total, 'service alloc')} left the node`];
  }
  const isLate = facts.services.open.length > 0;
  if (state === 'failed') {
    return ['False', isLate ? 'DeadlineExceeded' : 'MigrationFailed', describeFailures(failures)];
  }
  if (!isLate) return ['False', 'MigrationFailed', describeFailures(failures)];
  return [
    'False',
    'InProgress',
    `${done} of ${plural(total, 'service alloc')} have left${describeMoves(facts)}`,
  ];
}

function tasksVerdict({ tasks: { total } }: DrainStatus, facts: Facts, state: State): Verdict {
  const { tasks, tasksUntilMs, isTaskGraceOver } = facts;
  if (tasks.length === 0) {
    return total === 0
      ? ['True', 'NothingToDo', 'no task was here']
      : ['True', 'Completed', `${plural(total, 'task')} ended`];
  }
  if (state === 'failed') return ['False', 'Waiting', `${named(tasks)} run on`];
  if (state !== 'stoppingTasks')
    return ['False', 'Waiting', `${named(tasks)} run on until the services have left`];
  return isTaskGraceOver || tasksUntilMs === undefined
    ? ['False', 'InProgress', `stops ${named(tasks)}`]
    : ['False', 'Waiting', `${named(tasks)} may run on until ${timestamp(tasksUntilMs)}`];
}

function drainedVerdict(node: Node, drain: DrainStatus, facts: Facts, state: State): Verdict {
  const { services, volumes } = facts;
  switch (state) {
    case 'drained':
      return ['True', 'Completed', describeDrained({ ...node, status: { ...node.status, drain } })];
    case 'failed': {
      const reason: NodeReason =
        services.open.length > 0
          ? 'DeadlineExceeded'
          : services.remaining > 0
            ? 'MigrationFailed'
            : 'AttachedVolumes';
      return ['False', reason, describeFailures(drain.failures)];
    }
    case 'cordoning':
    case 'checkingFeasibility':
      return ['False', 'InProgress', 'checks whether every service has a place elsewhere'];
    case 'detachingVolumes':
    case 'releasingVolumes':
      return ['False', 'InProgress', `detaches ${named(volumes.idle)}`];
    case 'callingOff':
      return ['False', 'DeadlineExceeded', `calls off the moves of ${named(services.draining)}`];
    case 'forcingServices':
      return [
        'False',
        'InProgress',
        `the deadline is over: stops ${plural(services.remaining, 'service alloc')}`,
      ];
    case 'stoppingTasks': {
      const [, reason, message] = tasksVerdict(drain, facts, state);
      return ['False', reason, message];
    }
    default: {
      const { done, total } = drain.services;
      return [
        'False',
        'InProgress',
        `${done} of ${plural(total, 'service alloc')} have left${describeMoves(facts)}`,
      ];
    }
  }
}

/** What is moving, those that begin now included; or what it waits for. */
function describeMoves({ services, toMove, heldUp, deadlineMs }: Facts): string {
  const moving = [...new Set([...services.moving, ...toMove.map(({ metadata }) => metadata.name)])];
  if (moving.length > 0) return `; moves ${named(moving)}`;
  if (heldUp.length > 0) return `; waits for other moves of ${named(heldUp)} to end`;
  return services.open.length === 0 && deadlineMs !== undefined
    ? `; stops the rest at ${timestamp(deadlineMs)}`
    : '; waits for the rest to end';
}

function removableVerdict({ services, tasks, volumes }: Facts, state: State): Verdict {
  const allocs = services.remaining + tasks.length;
  if (allocs > 0) return ['False', 'ActiveAllocs', `${plural(allocs, 'alloc')} still here`];
  if (volumes.here.length > 0) return ['False', 'AttachedVolumes', `${named(volumes.here)} still here`];
  return state === 'drained'
    ? ['True', 'Empty', 'nothing is on the node']
    : ['False', 'InProgress', 'the drain is under way'];
}
