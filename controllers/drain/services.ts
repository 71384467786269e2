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
  /** Their migration was called off in this attempt. */
  readonly cancelled: readonly Alloc[];
  /** Names of the migrations that are under way, and of those of them that are not cancelled yet. */
  readonly moving: readonly string[];
  readonly toCancel: readonly string[];
  /** Names of migrations that are over, and of no use any more. */
  readonly spent: readonly string[];
  /** Names of those that nobody has told to stop. */
  readonly toForce: readonly string[];
}

export function sortServiceAllocs(node: Node, active: readonly Alloc[], reader: Reader): ServiceAllocs {
  const allocs = active.filter((alloc) => alloc.spec.owner.kind === 'Service').sort(bySlot);
  const migrations = reader.byIndex('Migration', 'node', node.metadata.name);
  const underWay = migrations.filter((migration) => !isFinished(migration));
  const ended = new Map<string, Migration>();
  for (const migration of migrations) if (isFinished(migration)) ended.set(migration.spec.alloc, migration);
  const { attempt } = node.spec.drainPolicy;
  const isOfAttempt = (migration: Migration | undefined): migration is Migration =>
    migration?.spec.reason === 'drain' && migration.spec.attempt === attempt;
  const endOf = (alloc: Alloc, phase: 'failed' | 'cancelled') => {
    const migration = ended.get(alloc.metadata.name);
    return isStaying(alloc) && isOfAttempt(migration) && migration.status.phase === phase ? migration : undefined;
  };
  return {
    remaining: allocs.length,
    open: allocs.filter((alloc) => !endOf(alloc, 'failed')),
    failed: allocs.flatMap((alloc) => endOf(alloc, 'failed') ?? []).map(describeFailure),
    cancelled: allocs.filter((alloc) => endOf(alloc, 'cancelled')),
    moving: underWay.map(nameOf),
    toCancel: underWay.filter(({ spec }) => spec.reason === 'drain' && !spec.cancelled).map(nameOf),
    spent: migrations
      .filter((migration) => isFinished(migration) && migration.spec.reason === 'drain')
      .filter((migration) => !node.spec.drain || !isOfAttempt(migration) || !node.status.drain)
      .map(nameOf),
    toForce: allocs.filter(isStaying).map(nameOf),
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
