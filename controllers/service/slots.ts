/** A service's allocs by slot: which replica is filled, by what, and how its last ones ended. */
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';

export interface Slot {
  readonly slot: number;
  /** The alloc that is not over, and the one that is to replace it. */
  readonly active: readonly Alloc[];
  /** Those that are over, the last one created first. */
  readonly ended: readonly Alloc[];
}

/** By slot, the slots in order; slots that never had an alloc are left out. */
export function slotsOf(allocs: readonly Alloc[]): ReadonlyMap<number, Slot> {
  const bySlot = new Map<number, { active: Alloc[]; ended: Alloc[] }>();
  for (const alloc of allocs) {
    const { slot } = alloc.spec;
    let entry = bySlot.get(slot);
    if (!entry) {
      entry = { active: [], ended: [] };
      bySlot.set(slot, entry);
    }
    (isTerminal(alloc) ? entry.ended : entry.active).push(alloc);
  }
  const slots = [...bySlot].map(([slot, { active, ended }]): Slot => {
    return { slot, active, ended: ended.length > 1 ? ended.sort(byCreation) : ended };
  });
  return new Map(slots.sort((a, b) => a.slot - b.slot).map((each) => [each.slot, each]));
}

/** True where the alloc serves: it is healthy, meant to run, and every live gateway knows it. */
export const isServing = ({ spec, status }: Alloc): boolean =>
  spec.desired === 'running' && status.phase === 'healthy' && status.route === 'routed';

/** By the server's clock: those of the agents differ, and a slot has one alloc after the other. */
const byCreation = (a: Alloc, b: Alloc): number =>
  Date.parse(b.metadata.creationTimestamp) - Date.parse(a.metadata.creationTimestamp) ||
  Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion);
