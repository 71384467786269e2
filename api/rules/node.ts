/** Invariants 2 and 7: a node leaves only when it is empty, and what left has no say any more. */

import { UNKNOWN_HERE } from '../errors.ts';
import { NODE_GROUP } from '../groups.ts';
import { isTerminal } from '../kinds/alloc.ts';
import type { AnyObject } from '../kinds/index.ts';
import { nodeLeaseName } from '../kinds/lease.ts';
import type { Reader } from '../store.ts';
import { type Objection, type Proposal, rule } from './rule.ts';

/** An agent's user is `system:node:<name>`. */
const NODE_USER_PREFIX = 'system:node:';
/** How many names a refusal spells out. */
const MAX_NAMES = 10;

/** True where this write is the one that lets the node go. */
export function isLetGo({ old, next }: Proposal<'Node'>): boolean {
  const leaving = (node: typeof next) =>
    !node || node.spec.removed || node.metadata.deletionTimestamp !== undefined;
  return old !== undefined && leaving(next) && !(next && leaving(old));
}

export const removedOnlyWhenEmpty = rule(
  'Node',
  'A node is removed only when it has no active alloc and no attached volume.',
  (proposal: Proposal<'Node'>) =>
    proposal.old && isLetGo(proposal) ? occupied(proposal.before, proposal.old.metadata.name) : undefined,
);

export const removalIsFinal = rule(
  'Node',
  'A removal is not taken back.',
  ({ old, next }: Proposal<'Node'>) =>
    old?.spec.removed && next && !next.spec.removed
      ? {
          field: 'spec.removed',
          message: 'it is being removed, which cannot be taken back; let it join again afterwards',
        }
      : undefined,
);

/** Every write of an agent: it must be of a node that is there, and about what is its own. */
export function agentObjection(proposal: Proposal): Objection | undefined {
  const { actor, before, old, next } = proposal;
  if (!actor.groups.includes(NODE_GROUP)) return undefined;
  const name = actor.user.slice(NODE_USER_PREFIX.length);
  const node = before.get('Node', name);
  const credential = before.get('Credential', name);
  if (credential?.spec.revoked && credential.spec.nodeUid === actor.nodeUid)
    return { field: '', message: `node "${name}" was removed: its agent may not write` };
  if (!credential || node?.metadata.uid !== actor.nodeUid) {
    const message = `node "${name}" of this agent is not known: it was removed, or this server is behind`;
    return { field: '', message, reason: UNKNOWN_HERE };
  }
  const object = next ?? old;
  return object && isOwn(object, old, name)
    ? undefined
    : { field: '', message: `the agent of node "${name}" may not write it` };
}

function isOwn(object: AnyObject, old: AnyObject | undefined, node: string): boolean {
  switch (object.kind) {
    case 'Alloc':
      return object.spec.node === node && old !== undefined;
    case 'Lease':
      return object.metadata.name === nodeLeaseName(node);
    case 'Peer':
      return (
        object.spec.node === node && (old === undefined || (old.kind === 'Peer' && old.spec.node === node))
      );
    case 'Volume':
      return old?.kind === 'Volume' && old.status.node === node;
    case 'Event':
      return true;
    default:
      return false;
  }
}

function occupied(before: Reader, name: string): Objection | undefined {
  const allocs = before.byIndex('Alloc', 'node', name).filter((alloc) => !isTerminal(alloc));
  const volumes = before.byIndex('Volume', 'node', name).filter((volume) => volume.status.node === name);
  if (allocs.length + volumes.length === 0) return undefined;
  const names = [
    ...allocs.map((alloc) => alloc.metadata.name),
    ...volumes.map((volume) => `volume ${volume.metadata.name} (attached)`),
  ];
  const rest = names.length > MAX_NAMES ? `, and ${names.length - MAX_NAMES} more` : '';
  return {
    field: 'spec.removed',
    message: `node still has active allocations: ${names.slice(0, MAX_NAMES).join(', ')}${rest}`,
  };
}
