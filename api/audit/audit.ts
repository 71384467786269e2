/**
 * Judges a whole state, where the rules (`api/rules/`) judge a write: what it finds got past them, or was done to the
 * store from outside. Written apart from the rules, so that a mistake in one of them shows.
 */
import type { Reader } from '../store.ts';
import { allocsHaveNodes, mountedOnce, oneAllocASlot, suspendedWithWayBack } from './allocs.ts';
import type { Problem, StateCheck } from './check.ts';
import { credentialsDie, emptyWhenLeaving, meshAddresses, peersHaveNodes } from './nodes.ts';
import { deletionsWait, ownersExist, uniqueUids } from './objects.ts';
import { attachedToNodes, attachedWhereItSays, sharedByNone } from './volumes.ts';

export const STATE_CHECKS: readonly StateCheck[] = [
  uniqueUids,
  ownersExist,
  deletionsWait,
  allocsHaveNodes,
  oneAllocASlot,
  suspendedWithWayBack,
  mountedOnce,
  attachedToNodes,
  attachedWhereItSays,
  sharedByNone,
  emptyWhenLeaving,
  credentialsDie,
  peersHaveNodes,
  meshAddresses,
];

export function* auditState(state: Reader): Generator<Problem> {
  for (const check of STATE_CHECKS) yield* check.problems(state);
}
