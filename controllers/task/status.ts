/** What the task controller reports: the phase of the task's alloc, its outcome, and why. */

import { timestamp } from '../../api/clock.ts';
import { type Alloc, isLost, type StopReason } from '../../api/kinds/alloc.ts';
import type { Task, TaskPhase, TaskStatus } from '../../api/kinds/task.ts';
import { noPlaceMessage } from '../placement/reasons.ts';
import type { Facts } from './facts.ts';
import type { State } from './machine.ts';

/** Longest message that the schema of a task takes, in characters. */
const MAX_MESSAGE_LENGTH = 4_096;

export function statusOf(task: Task, facts: Facts, state: State, nowMs: number): TaskStatus {
  // Its alloc was created just now and brings it back: one report is enough.
  if (state === 'placing') return task.status;
  const observedGeneration = task.metadata.generation;
  if (facts.isFinished) return { ...task.status, observedGeneration };
  if (facts.alloc) return { ...ofAlloc(task, facts.alloc.object), observedGeneration };
  if (facts.hadAlloc) {
    const message = `failed: its alloc ${task.status.alloc} is gone, and how it ended is not known`;
    return { ...task.status, phase: 'failed', message, finishedAt: timestamp(nowMs), observedGeneration };
  }
  if (!facts.reasons) return { phase: 'pending', observedGeneration };
  const message = noPlaceMessage(facts.reasons).slice(0, MAX_MESSAGE_LENGTH);
  return { phase: 'pending', message, observedGeneration };
}

function ofAlloc(task: Task, alloc: Alloc): TaskStatus {
  const { exitCode, startedAt, finishedAt } = alloc.status;
  const { phase, message } = outcomeOf(task, alloc);
  return {
    phase,
    alloc: alloc.metadata.name,
    node: alloc.spec.node,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(message === undefined ? {} : { message: message.slice(0, MAX_MESSAGE_LENGTH) }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

interface Outcome {
  readonly phase: TaskPhase;
  readonly message?: string | undefined;
}

function outcomeOf(task: Task, alloc: Alloc): Outcome {
  const { spec, status } = alloc;
  switch (status.phase) {
    case 'pending':
    case 'starting':
      return { phase: 'pending', message: status.message };
    case 'running':
    case 'healthy':
    case 'suspended':
    case 'stopping':
      return { phase: 'running', message: status.message };
    case 'failed':
    case 'stopped':
      // It may have come to its end just before it was to be stopped.
      if (status.phase === 'stopped' && status.reason === 'Completed') return { phase: 'succeeded' };
      if (spec.desired === 'stopped' && !isLost(alloc)) return stopped(task, alloc);
      return status.phase === 'failed'
        ? { phase: 'failed', message: status.message ?? status.reason }
        : exited(alloc);
  }
}

const exited = ({ status }: Alloc): Outcome =>
  status.exitCode === 0
    ? { phase: 'succeeded' }
    : { phase: 'failed', message: status.message ?? `exited with ${status.exitCode ?? 'no exit code'}` };

function stopped({ spec }: Task, alloc: Alloc): Outcome {
  const reason = alloc.spec.stopReason;
  return reason === 'TimedOut'
    ? { phase: 'failed', message: `it ran longer than ${spec.timeout}` }
    : { phase: 'stopped', message: `stopped: ${whyStopped(reason, alloc.spec.node)}` };
}

function whyStopped(reason: StopReason | undefined, node: string): string {
  switch (reason) {
    case 'NodeDrained':
    case 'DrainForced':
      return `node ${node} was drained`;
    case 'OwnerDeleted':
      return 'the task was deleted';
    default:
      return 'on request';
  }
}
