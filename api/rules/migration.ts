/** Invariant 6: a migration never takes the original away before its replacement serves, and never loses it. */
import { isTerminal } from '../kinds/alloc.ts';
import { isFinished } from '../kinds/migration.ts';
import { sameJson } from '../same-json.ts';
import { type Proposal, rule } from './rule.ts';

export const replacedBeforeStopped = rule(
  'Alloc',
  'An original is stopped as migrated only when its replacement is healthy and routed.',
  ({ before, old, next }: Proposal<'Alloc'>) => {
    if (!old || next?.spec.stopReason !== 'Migrated' || old.spec.stopReason === 'Migrated') return undefined;
    const serving = before
      .byIndex('Alloc', 'replaces', old.metadata.name)
      .some(
        ({ spec, status }) =>
          spec.desired === 'running' && status.phase === 'healthy' && status.route === 'routed',
      );
    return serving
      ? undefined
      : { field: 'spec.stopReason', message: 'its replacement is not healthy and routed' };
  },
);

export const suspendedWithWayBack = rule(
  'Alloc',
  'An alloc is suspended only for a migration that is under way.',
  ({ before, old, next }: Proposal<'Alloc'>) => {
    if (next?.spec.desired !== 'suspended' || old?.spec.desired === 'suspended') return undefined;
    const migration = before.get('Migration', next.metadata.name);
    return migration && !isFinished(migration)
      ? undefined
      : { field: 'spec.desired', message: 'no migration that could bring it back is under way' };
  },
);

export const forcedOnlyByPolicy = rule(
  'Alloc',
  "A service's alloc is stopped by force only on a node whose drain says so.",
  ({ before, old, next }: Proposal<'Alloc'>) => {
    if (next?.spec.stopReason !== 'DrainForced' || old?.spec.stopReason === 'DrainForced') return undefined;
    const node = before.get('Node', next.spec.node);
    return node?.spec.drain && node.spec.drainPolicy.onDeadline === 'force'
      ? undefined
      : { field: 'spec.stopReason', message: `node ${next.spec.node} is not drained by force` };
  },
);

export const migrationBudget = rule(
  'Migration',
  "No more of a service's replicas are on the move than its migration.maxParallel, in the whole fleet.",
  ({ before, old, next }: Proposal<'Migration'>) => {
    if (old || !next) return undefined;
    const service = before.get('Service', next.spec.service);
    if (!service) return { field: 'spec.service', message: `service ${next.spec.service} does not exist` };
    const moving = before
      .byIndex('Migration', 'service', next.spec.service)
      .filter((each) => !isFinished(each));
    const { maxParallel } = service.spec.migration;
    return moving.length < maxParallel
      ? undefined
      : {
          field: 'spec.service',
          message: `${moving.length} of service ${next.spec.service} are on the move already (migration.maxParallel is ${maxParallel})`,
        };
  },
);

export const migrationIdentityStays = rule(
  'Migration',
  'A migration keeps its alloc, service and node; a failure that was recorded, and an end, stay.',
  ({ old, next }: Proposal<'Migration'>) => {
    if (!old || !next) return undefined;
    const changed = (['alloc', 'service', 'node', 'reason'] as const).find(
      (f) => old.spec[f] !== next.spec[f],
    );
    if (changed) return { field: `spec.${changed}`, message: `spec.${changed} never changes` };
    if (old.status.failure && !sameJson(old.status.failure, next.status.failure)) {
      return { field: 'status.failure', message: 'a failure that was recorded stays' };
    }
    return isFinished(old) && old.status.phase !== next.status.phase
      ? { field: 'status.phase', message: `it is ${old.status.phase} already, and stays so` }
      : undefined;
  },
);

export const wayBackIsKept = rule(
  'Migration',
  'A migration is deleted only when it is finished, or its alloc is over.',
  ({ before, old, next }: Proposal<'Migration'>) => {
    if (!old || next || isFinished(old)) return undefined;
    const original = before.get('Alloc', old.spec.alloc);
    return original && !isTerminal(original)
      ? {
          field: 'status.phase',
          message: `it is ${old.status.phase}; cancel it (spec.cancelled: true) instead`,
        }
      : undefined;
  },
);
