/** What a drain is judged by: what is still on the node, what is on its way off it, and what was recorded. */
import { durationMs } from '../../api/duration.ts';
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import type { DrainFailure, Node } from '../../api/kinds/node.ts';
import type { Context } from '../../runtime/controller/controller.ts';
import { planDrain } from '../placement/plan.ts';
import { chooseMoves } from './moves.ts';
import { type ServiceAllocs, sortServiceAllocs } from './services.ts';
import { type NodeVolumes, sortVolumes } from './volumes.ts';

export interface Facts {
  readonly node: string;
  /** `spec.drain`. */
  readonly isWanted: boolean;
  readonly isUnschedulable: boolean;
  /** Something of a drain is on record: this one, an earlier attempt, or one that was cancelled. */
  readonly isRemembered: boolean;
  /** The start of this attempt is on record. */
  readonly isStarted: boolean;
  /** The result of the feasibility check is on record. */
  readonly isChecked: boolean;
  /** Its end is on record. */
  readonly isFinished: boolean;
  /** Allocs that had no place on paper: worked out in the feasibility check, and on record from then on. */
  readonly noPlace: readonly DrainFailure[];
  readonly services: ServiceAllocs;
  /** Allocs to create migrations for now, within all budgets. */
  readonly toMove: readonly Alloc[];
  /** Services that cannot move on because others of theirs are on the move elsewhere. */
  readonly heldUp: readonly string[];
  readonly hasMoved: boolean;
  readonly volumes: NodeVolumes;
  /** Tasks that are not over, and those of them that nobody told to stop yet. */
  readonly tasks: readonly string[];
  readonly tasksToStop: readonly string[];
  readonly tasksUntilMs: number | undefined;
  readonly isTaskGraceOver: boolean;
  readonly deadlineMs: number | undefined;
  readonly isDeadlineOver: boolean;
  readonly onDeadline: 'fail' | 'force';
  /** When the facts change by time alone, in ms since the epoch. */
  readonly changesAtMs: number | undefined;
}

const NOTHING_ON_IT = {
  noPlace: [],
  services: {
    remaining: 0,
    open: [],
    failed: [],
    moving: [],
    draining: [],
    toCancel: [],
    spent: [],
    toForce: [],
  },
  toMove: [],
  heldUp: [],
  hasMoved: false,
  volumes: { here: [], idle: [], toRelease: [], failed: [] },
  tasks: [],
  tasksToStop: [],
} as const;

export function observe(node: Node, context: Pick<Context, 'reader' | 'nowMs'>): Facts {
  const { name } = node.metadata;
  const { drain, drainPolicy, unschedulable } = node.spec;
  const recorded = node.status.drain;
  const isStarted = recorded?.attempt === drainPolicy.attempt;
  const base = {
    node: name,
    isWanted: drain,
    isUnschedulable: unschedulable,
    isRemembered: recorded !== undefined,
    isStarted,
    isChecked: isStarted && recorded.checkedAt !== undefined,
    isFinished: isStarted && recorded.finishedAt !== undefined,
    onDeadline: drainPolicy.onDeadline,
    ...timing(node, isStarted, context.nowMs),
  };
  // Nothing is looked at on the many nodes that no one drains.
  if (!drain && !recorded) return { ...base, ...NOTHING_ON_IT };
  return { ...base, noPlace: noPlaceOf(node, base, context), ...contents(node, context) };
}

function noPlaceOf(
  node: Node,
  { isWanted, isStarted, isChecked }: Pick<Facts, 'isWanted' | 'isStarted' | 'isChecked'>,
  { reader }: Pick<Context, 'reader'>,
): readonly DrainFailure[] {
  if (!isWanted || !isStarted) return [];
  const recorded = node.status.drain?.failures ?? [];
  return isChecked ? recorded.filter(({ reason }) => reason === 'NoPlace') : withoutPlace(node, reader);
}

function contents(node: Node, { reader }: Pick<Context, 'reader'>) {
  const { name } = node.metadata;
  const active = reader.byIndex('Alloc', 'node', name).filter((alloc) => !isTerminal(alloc));
  const services = sortServiceAllocs(node, active, reader);
  const tasks = active.filter((alloc) => alloc.spec.owner.kind === 'Task');
  return {
    services,
    ...chooseMoves(node, services, reader),
    hasMoved: reader
      .byIndex('Migration', 'node', name)
      .some(({ spec }) => spec.reason === 'drain' && spec.attempt === node.spec.drainPolicy.attempt),
    volumes: sortVolumes(name, reader),
    tasks: tasks.map(nameOf),
    tasksToStop: tasks.filter((alloc) => alloc.spec.desired !== 'stopped').map(nameOf),
  };
}

function withoutPlace(node: Node, reader: Context['reader']): DrainFailure[] {
  return planDrain(node, reader)
    .services.filter((planned) => planned.target === undefined)
    .map(({ service, alloc, reasons }) => ({
      service,
      alloc,
      reason: 'NoPlace',
      message: `no node has a place for it (${(reasons ?? []).join('; ')})`,
    }));
}

function timing(node: Node, isStarted: boolean, nowMs: number) {
  const { deadline, taskGrace } = node.spec.drainPolicy;
  const recorded = node.status.drain;
  if (!node.spec.drain || !isStarted || !recorded) {
    return {
      tasksUntilMs: undefined,
      isTaskGraceOver: false,
      deadlineMs: undefined,
      isDeadlineOver: false,
      changesAtMs: undefined,
    };
  }
  const startedAtMs = Date.parse(recorded.startedAt);
  const tasksUntilMs = startedAtMs + durationMs(taskGrace);
  const deadlineMs = deadline === undefined ? undefined : startedAtMs + durationMs(deadline);
  const coming = [tasksUntilMs, deadlineMs].filter((time) => time !== undefined && time > nowMs) as number[];
  return {
    tasksUntilMs,
    isTaskGraceOver: nowMs >= tasksUntilMs,
    deadlineMs,
    isDeadlineOver: deadlineMs !== undefined && nowMs >= deadlineMs,
    changesAtMs: coming.length > 0 ? Math.min(...coming) : undefined,
  };
}

const nameOf = (alloc: Alloc): string => alloc.metadata.name;
