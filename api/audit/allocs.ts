/** What must hold of allocs (invariants 1, 3 and 6). */
import { type Alloc, isTerminal, slotKey } from '../kinds/alloc.ts';
import { isFinished } from '../kinds/migration.ts';
import type { Reader } from '../store.ts';
import { type Problem, problemOf, stateCheck } from './check.ts';

export const allocsHaveNodes = stateCheck(
  'An alloc that is not over is on a node that exists.',
  function* (state) {
    for (const alloc of activeAllocs(state)) {
      if (state.get('Node', alloc.spec.node)) continue;
      yield problemOf(
        alloc,
        'spec.node',
        `node ${alloc.spec.node} does not exist, and the alloc is ${alloc.status.phase}`,
      );
    }
  },
);

export const oneAllocASlot = stateCheck(
  'A replica, or a task, has one alloc that is not over, and one more only where that replaces it.',
  function* (state) {
    yield* crowded(
      groupBy(activeAllocs(state), ({ spec }) => [slotKey(spec.owner.uid, spec.slot)]),
      'spec.slot',
      ({ spec }) => `${spec.owner.kind.toLowerCase()} ${spec.owner.name}, replica ${spec.slot}`,
    );
  },
);

export const mountedOnce = stateCheck(
  'A volume that an alloc mounts exists, and no other alloc that is not over mounts it, but for one that replaces it.',
  function* (state) {
    const mounting = groupBy(activeAllocs(state), volumesOf);
    for (const [volume, allocs] of mounting) {
      if (state.get('Volume', volume)) continue;
      for (const alloc of allocs)
        yield problemOf(alloc, 'spec.template.volumes', `volume ${volume} does not exist`);
    }
    for (const [volume, allocs] of mounting) {
      yield* crowded(new Map([[volume, allocs]]), 'spec.template.volumes', () => `volume ${volume}`);
    }
  },
);

export const suspendedWithWayBack = stateCheck(
  'An alloc that is suspended has a migration under way that can bring it back.',
  function* (state) {
    for (const alloc of activeAllocs(state)) {
      if (alloc.spec.desired !== 'suspended') continue;
      const migration = state.get('Migration', alloc.metadata.name);
      if (migration && !isFinished(migration)) continue;
      yield problemOf(alloc, 'spec.desired', 'no migration that could bring it back is under way');
    }
  },
);

const activeAllocs = (state: Reader): Alloc[] => state.list('Alloc').filter((alloc) => !isTerminal(alloc));

const volumesOf = ({ spec }: Alloc): string[] => (spec.template.volumes ?? []).map(({ volume }) => volume);

function groupBy(
  allocs: readonly Alloc[],
  keysOf: (alloc: Alloc) => readonly string[],
): Map<string, Alloc[]> {
  const groups = new Map<string, Alloc[]>();
  for (const alloc of allocs) {
    for (const key of keysOf(alloc)) groups.set(key, [...(groups.get(key) ?? []), alloc]);
  }
  return groups;
}

/** Groups with more in them than one alloc and another that replaces it. */
function* crowded(
  groups: ReadonlyMap<string, readonly Alloc[]>,
  path: string,
  placeOf: (alloc: Alloc) => string,
): Generator<Problem> {
  for (const [first, second, ...more] of groups.values()) {
    if (!first || !second) continue;
    const isPair = replaces(first, second) || replaces(second, first);
    for (const alloc of isPair ? more : [second, ...more]) {
      yield problemOf(alloc, path, `alloc ${first.metadata.name} has ${placeOf(alloc)} as well`);
    }
  }
}

const replaces = (alloc: Alloc, other: Alloc): boolean => alloc.spec.replaces === other.metadata.name;
