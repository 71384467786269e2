/** Invariant 1: new work lands only where it may, and where it fits. */
import { whyUnschedulable } from '../kinds/node.ts';
import { lacking, requestOf, usageOf } from '../kinds/usage.ts';
import { type Proposal, rule } from './rule.ts';

export const placement = rule(
  'Alloc',
  'No alloc is created on a node that is missing, down, cordoned, draining or removed, or that has no room for it.',
  ({ before, old, next }: Proposal<'Alloc'>) => {
    if (old || !next) return undefined;
    const node = before.get('Node', next.spec.node);
    const field = 'spec.node';
    if (!node) return { field, message: `node ${next.spec.node} does not exist` };
    const why = whyUnschedulable(node);
    if (why) return { field, message: `node ${next.spec.node} ${why}` };
    const lack = lacking(
      node,
      usageOf(before.byIndex('Alloc', 'node', next.spec.node)),
      requestOf(next.spec.template),
    );
    return lack === undefined ? undefined : { field, message: `node ${next.spec.node} has no room: ${lack}` };
  },
);
