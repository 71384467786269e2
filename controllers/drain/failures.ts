/** What keeps a node from being empty, as its drain reports it. */

import { timestamp } from '../../api/clock.ts';
import type { DrainFailure } from '../../api/kinds/node.ts';
import type { Facts } from './facts.ts';

/**
 * What failed, and what was found to have no place and has not been tried yet.
 * @param isOver the drain has ended: what is still to go will not go any more
 */
export function failuresOf(facts: Facts, isOver: boolean): DrainFailure[] {
  const { open, failed, moving } = facts.services;
  const untried = new Set(open.map(({ metadata }) => metadata.name).filter((name) => !moving.includes(name)));
  const noPlace = facts.noPlace.filter(({ alloc }) => untried.has(alloc));
  return [...failed, ...noPlace, ...(isOver ? tooLate(facts, noPlace) : []), ...facts.volumes.failed];
}

function tooLate({ services, deadlineMs }: Facts, explained: readonly DrainFailure[]): DrainFailure[] {
  const names = new Set(explained.map(({ alloc }) => alloc));
  const deadline = deadlineMs === undefined ? 'the deadline' : timestamp(deadlineMs);
  return services.open
    .filter(({ metadata }) => !names.has(metadata.name))
    .map(({ metadata, spec }) => ({
      service: spec.owner.name,
      alloc: metadata.name,
      reason: 'DeadlineExceeded',
      message: `it had not moved by ${deadline}`,
    }));
}
