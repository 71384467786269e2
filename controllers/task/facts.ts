/** What the task controller judges by: the one alloc a task ever gets, its time, and where it could go. */
import type { NoPlaceReason } from '../../api/drain-plan.ts';
import { durationMs } from '../../api/duration.ts';
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import type { Task, TaskPhase } from '../../api/kinds/task.ts';
import type { Reader } from '../../api/store.ts';
import { isPlaced, type Placement, place } from '../placement/place.ts';

export interface Facts {
  readonly isDeleting: boolean;
  /** It had its alloc and the outcome is recorded: nothing that happens to the alloc changes it. */
  readonly isFinished: boolean;
  /** It was given an alloc at some time, if that is there or not: it never gets a second one. */
  readonly hadAlloc: boolean;
  readonly alloc?: TaskAlloc;
  /** For a task without an alloc: where it goes. */
  readonly node?: string;
  /** For a task without an alloc: why it has no place. */
  readonly reasons?: readonly NoPlaceReason[];
  /** When it is stopped, in ms since the epoch; absent where it has no timeout or does not run. */
  readonly timesOutAtMs?: number;
  readonly isTimedOut: boolean;
}

export interface TaskAlloc {
  readonly object: Alloc;
  readonly name: string;
  readonly isOver: boolean;
  readonly isBeingStopped: boolean;
}

export function factsOf(task: Task, reader: Reader, nowMs: number): Facts {
  const { metadata, spec, status } = task;
  const alloc = allocOf(task, reader);
  const isDeleting = metadata.deletionTimestamp !== undefined;
  const isFinished = isOutcome(status.phase);
  const hadAlloc = alloc !== undefined || status.alloc !== undefined;
  const timesOutAtMs = alloc && !alloc.isOver ? timeoutOf(task, alloc.object) : undefined;
  return {
    isDeleting,
    isFinished,
    hadAlloc,
    ...(alloc ? { alloc } : {}),
    ...(isDeleting || isFinished || hadAlloc
      ? {}
      : found(place({ ownerUid: metadata.uid, template: spec.template, placement: spec.placement }, reader))),
    ...(timesOutAtMs === undefined ? {} : { timesOutAtMs }),
    isTimedOut: timesOutAtMs !== undefined && timesOutAtMs <= nowMs,
  };
}

const found = (placement: Placement): Pick<Facts, 'node' | 'reasons'> =>
  isPlaced(placement) ? { node: placement.node } : { reasons: placement.reasons };

/** Its alloc; the rules let it have one that is not over, and nobody gives it another afterwards. */
function allocOf(task: Task, reader: Reader): TaskAlloc | undefined {
  const allocs = reader.byIndex('Alloc', 'owner', task.metadata.uid);
  const object = allocs.find((alloc) => !isTerminal(alloc)) ?? allocs[0];
  return (
    object && {
      object,
      name: object.metadata.name,
      isOver: isTerminal(object),
      isBeingStopped: object.spec.desired === 'stopped',
    }
  );
}

function timeoutOf({ spec }: Task, { status }: Alloc): number | undefined {
  if (spec.timeout === undefined || status.startedAt === undefined) return undefined;
  return Date.parse(status.startedAt) + durationMs(spec.timeout);
}

const isOutcome = (phase: TaskPhase): boolean =>
  phase === 'succeeded' || phase === 'failed' || phase === 'stopped';
