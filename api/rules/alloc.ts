/** Invariants 4 and 5, and what a slot may hold: an alloc's life runs one way only. */
import { type Alloc, isTerminal, slotKey } from '../kinds/alloc.ts';
import { isFinished } from '../kinds/migration.ts';
import { sameJson } from '../same-json.ts';
import { type Proposal, rule } from './rule.ts';

export const terminalStays = rule(
  'Alloc',
  'An alloc that is over stays over: a late report changes nothing.',
  ({ old, next }: Proposal<'Alloc'>) =>
    old && next && isTerminal(old) && !sameJson(old.status, next.status)
      ? { field: 'status.phase', message: `it is ${old.status.phase} already, and stays so` }
      : undefined,
);

export const identityStays = rule(
  'Alloc',
  "An alloc's owner, slot, node, template and ports never change.",
  ({ old, next }: Proposal<'Alloc'>) => {
    if (!old || !next) return undefined;
    const fixed = ['owner', 'slot', 'node', 'template', 'ports', 'replaces'] as const;
    const changed = fixed.find((field) => !sameJson(old.spec[field], next.spec[field]));
    return (
      changed && {
        field: `spec.${changed}`,
        message: `spec.${changed} never changes; stop it and place another`,
      }
    );
  },
);

export const stopIsFinal = rule(
  'Alloc',
  'An alloc that is wanted stopped is never wanted running again.',
  ({ old, next }: Proposal<'Alloc'>) =>
    old?.spec.desired === 'stopped' && next && next.spec.desired !== 'stopped'
      ? { field: 'spec.desired', message: 'it is being stopped; place another' }
      : undefined,
);

export const activeIsKept = rule(
  'Alloc',
  'An alloc is deleted only when it is over.',
  ({ old, next }: Proposal<'Alloc'>) =>
    old && !next && !isTerminal(old)
      ? { field: 'status.phase', message: `it is ${old.status.phase}; stop it before it is deleted` }
      : undefined,
);

export const oneAllocASlot = rule(
  'Alloc',
  'A slot of a service, or a task, has one alloc, and one more only while that replaces it.',
  ({ before, old, next }: Proposal<'Alloc'>) => {
    if (old || !next) return undefined;
    const others = activeInSlot(
      before.byIndex('Alloc', 'slot', slotKey(next.spec.owner.uid, next.spec.slot)),
    );
    const blocking = others.find((other) => other.metadata.name !== next.spec.replaces) ?? others[1];
    return (
      blocking && { field: 'spec.slot', message: `its place is taken by alloc ${blocking.metadata.name}` }
    );
  },
);

export const replacementHasMigration = rule(
  'Alloc',
  'An alloc replaces another only for a migration that is under way and not given up.',
  ({ before, old, next }: Proposal<'Alloc'>) => {
    if (old || !next?.spec.replaces) return undefined;
    const migration = before.get('Migration', next.spec.replaces);
    const underWay =
      migration && !isFinished(migration) && !migration.status.failure && !migration.spec.cancelled;
    return underWay
      ? undefined
      : { field: 'spec.replaces', message: `no migration of alloc ${next.spec.replaces} is under way` };
  },
);

const activeInSlot = (allocs: readonly Alloc[]): readonly Alloc[] =>
  allocs.filter((alloc) => !isTerminal(alloc));
