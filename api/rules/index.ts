/** All rules, as the store's admission: a commit lands only if none objects, whoever writes. */
import { ApiError } from '../errors.ts';
import type { AnyObject, KindName } from '../kinds/index.ts';
import type { Actor, Admission, Reader, Write } from '../store.ts';
import {
  activeIsKept,
  identityStays,
  oneAllocASlot,
  replacementHasMigration,
  stopIsFinal,
  terminalStays,
} from './alloc.ts';
import { fence, onlyServersLead, termsGrow } from './leadership.ts';
import {
  forcedOnlyByPolicy,
  migrationBudget,
  migrationIdentityStays,
  replacedBeforeStopped,
  suspendedWithWayBack,
  wayBackIsKept,
} from './migration.ts';
import { agentObjection, removalIsFinal, removedOnlyWhenEmpty } from './node.ts';
import { placement } from './placement.ts';
import { keepsQuorum } from './quorum.ts';
import { type Proposal, type Rule, refusal } from './rule.ts';
import { attachableNode, notPulledFromWriter, oneNode, oneReplicaWithVolume, oneWriter } from './volume.ts';

export const RULES: readonly Rule[] = [
  placement,
  oneWriter,
  oneAllocASlot,
  replacementHasMigration,
  identityStays,
  terminalStays,
  stopIsFinal,
  activeIsKept,
  replacedBeforeStopped,
  suspendedWithWayBack,
  forcedOnlyByPolicy,
  migrationBudget,
  migrationIdentityStays,
  wayBackIsKept,
  oneNode,
  notPulledFromWriter,
  attachableNode,
  oneReplicaWithVolume,
  removedOnlyWhenEmpty,
  removalIsFinal,
  keepsQuorum,
  onlyServersLead,
  termsGrow,
];

const rulesByKind = new Map<KindName, Rule[]>();
for (const each of RULES) rulesByKind.set(each.kind, [...(rulesByKind.get(each.kind) ?? []), each]);

/**
 * Checks every write of a commit.
 * @throws ApiError `Invalid` (a rule says no), `Forbidden` (an agent oversteps), or `Conflict` (the actor leads no more)
 */
export const admission: Admission = (before: Reader, writes: readonly Write[], actor: Actor) => {
  fence(before, actor);
  for (const write of writes) {
    const kind = write.type === 'put' ? write.object.kind : write.kind;
    const name = write.type === 'put' ? write.object.metadata.name : write.name;
    const old = before.get(kind, name);
    const proposal: Proposal = { before, actor, old, next: write.type === 'put' ? write.object : undefined };
    const subject: AnyObject | undefined = proposal.next ?? old;
    if (subject) judge(proposal, subject);
  }
};

function judge(proposal: Proposal, subject: AnyObject): void {
  const overstepped = agentObjection(proposal);
  if (overstepped) {
    const { message, reason } = overstepped;
    const causes = reason === undefined ? {} : { causes: [{ field: '', message, reason }] };
    throw new ApiError('Forbidden', message, { kind: subject.kind, name: subject.metadata.name, ...causes });
  }
  for (const each of rulesByKind.get(subject.kind) ?? []) {
    const objection = each.check(proposal);
    if (objection) throw refusal(subject, objection);
  }
}
