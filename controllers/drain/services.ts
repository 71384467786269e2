/** The service allocs of a node that is drained, sorted by how far they are with leaving it. */
import type { Alloc } from '../../api/kinds/alloc.ts';
import { isFinished, type Migration } from '../../api/kinds/migration.ts';
import type { DrainFailure, Node } from '../../api/kinds/node.ts';
import type { Reader } from '../../api/store.ts';

export interface ServiceAllocs {
  /** How many are on the node still, whatever becomes of them. */
  readonly remaining: number;
  /** Still to go, or going: all but those whose migration failed. */
  readonly open: readonly Alloc[];
  /** Their migration failed in this attempt: they run on. */
  readonly failed: readonly DrainFailure[];
  /** Names of the migrations that are under way, whoever began them. */
  readonly moving: readonly string[];
  /** Names of those that a drain began, and of those of these that are not cancelled yet. */
  readonly draining: readonly string[];
  readonly toCancel: readonly string[];
  /** Names of migrations that are over and of no use any more, or in the way of another try. */
  readonly spent: readonly string[];
  /** Names of the allocs that nobody has told to stop. */
  readonly toForce: readonly string[];
}

export function sortServiceAllocs(node: Node, active: readonly Alloc[], reader: Reader): ServiceAllocs {
  const allocs = active.filter((alloc) => alloc.spec.owner.kind === 'Service').sort(bySlot);
  const staying = new Set(allocs.filter(isStaying).map(nameOf));
  const migrations = reader.byIndex('Migration', 'node', node.metadata.name);
  const underWay = migrations.filter((migration) => !isFinished(migration));
  const ended = migrations.filter(isFinished);
  const { drain, drainPolicy } = node.spec;
  const isOfAttempt = ({ spec }: Migration) =>
    drain && node.status.drain?.attempt === drainPolicy.attempt && spec.attempt === drainPolicy.attempt;
  const failed = ended.filter(
    (each) =>
      each.spec.reason === 'drain' &&
      isOfAttempt(each) &&
      each.status.phase === 'failed' &&
      staying.has(each.spec.alloc),
  );
  const kept = new Set(failed.map(nameOf));
  const isSpent = (each: Migration) =>
    each.spec.reason === 'drain'
      ? !isOfAttempt(each) || (staying.has(each.spec.alloc) && !kept.has(nameOf(each)))
      : drain && staying.has(each.spec.alloc);
  const ofDrain = underWay.filter(({ spec }) => spec.reason === 'drain');
  return {
    remaining: allocs.length,
    open: allocs.filter((alloc) => !kept.has(nameOf(alloc))),
    failed: failed.map(describeFailure),
    moving: underWay.map(nameOf),
    draining: ofDrain.map(nameOf),
    toCancel: ofDrain.filter(({ spec }) => !spec.cancelled).map(nameOf),
    spent: ended.filter(isSpent).map(nameOf),
    toForce: [...staying],
  };
}

/** True where nobody has told it to stop. */
export const isStaying = (alloc: Alloc): boolean => alloc.spec.desired !== 'stopped';

function describeFailure({ spec, status }: Migration): DrainFailure {
  const { reason = 'Failed', message = 'no reason was recorded' } = status.failure ?? {};
  return { service: spec.service, alloc: spec.alloc, reason, message };
}

/** In the order in which they are moved. */
const bySlot = (a: Alloc, b: Alloc): number =>
  compare(a.spec.owner.name, b.spec.owner.name) ||
  a.spec.slot - b.spec.slot ||
  compare(a.metadata.name, b.metadata.name);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const nameOf = ({ metadata }: Alloc | Migration): string => metadata.name;
