/** Which allocs of a node may begin to move now: within the node's budget, and within each service's in the whole fleet. */
import type { Alloc } from '../../api/kinds/alloc.ts';
import { isFinished } from '../../api/kinds/migration.ts';
import type { Node } from '../../api/kinds/node.ts';
import type { Reader } from '../../api/store.ts';
import { isStaying, type ServiceAllocs } from './services.ts';

export interface Moves {
  readonly toMove: readonly Alloc[];
  /** Services whose budget is taken, by allocs of this or of other nodes. */
  readonly heldUp: readonly string[];
}

export function chooseMoves(node: Node, services: ServiceAllocs, reader: Reader): Moves {
  let free = node.spec.drainPolicy.maxParallel - services.moving.length;
  // The allocs of a node that is down are failed one by one right now: there is nothing to move.
  if (!node.spec.drain || node.status.phase === 'down' || free <= 0) return { toMove: [], heldUp: [] };
  const toMove: Alloc[] = [];
  const heldUp = new Set<string>();
  const budgets = new Map<string, number>();
  for (const alloc of services.open) {
    if (free === 0) break;
    if (!isMovable(alloc, services, reader)) continue;
    const { name } = alloc.spec.owner;
    const budget = budgets.get(name) ?? budgetOf(name, reader);
    budgets.set(name, budget);
    if (budget > 0) {
      toMove.push(alloc);
      budgets.set(name, budget - 1);
      free -= 1;
    } else {
      heldUp.add(name);
    }
  }
  return { toMove, heldUp: [...heldUp] };
}

function isMovable(alloc: Alloc, services: ServiceAllocs, reader: Reader): boolean {
  const { name } = alloc.metadata;
  if (!isStaying(alloc) || services.moving.includes(name)) return false;
  const { replaces } = alloc.spec;
  if (replaces === undefined) return true;
  // It is the replacement in a move that is under way: a slot takes no third alloc. The end of that brings it back.
  const migration = reader.get('Migration', replaces);
  return !migration || isFinished(migration);
}

/** How many more allocs of a service may begin to move; none of one that is going: it takes them along. */
function budgetOf(name: string, reader: Reader): number {
  const service = reader.get('Service', name);
  if (!service || service.metadata.deletionTimestamp) return 0;
  const moving = reader.byIndex('Migration', 'service', name).filter((each) => !isFinished(each));
  return Math.max(0, service.spec.migration.maxParallel - moving.length);
}
