/** What no commit may do, whoever writes and whatever the rules say: checked against the objects and the world. */
import { NODE_GROUP } from '../../api/groups.ts';
import { type Alloc, isLost, isTerminal, slotKey } from '../../api/kinds/alloc.ts';
import { isFinished, MAX_LOST_REPLACEMENTS, type Migration } from '../../api/kinds/migration.ts';
import { type Node, whyUnschedulable } from '../../api/kinds/node.ts';
import type { Volume } from '../../api/kinds/volume.ts';
import { sameJson } from '../../api/same-json.ts';
import type { Actor, Change, Reader } from '../../api/store.ts';
import { isServing } from '../../controllers/service/slots.ts';
import type { Complain, World } from './world.ts';

/** A change just after it was shown. */
interface Shown {
  readonly state: Reader;
  readonly isByAgent: boolean;
  readonly world: World;
  readonly complain: Complain;
}

export function checkCommit(
  change: Change,
  actor: Actor | undefined,
  state: Reader,
  world: World,
  complain: Complain,
): void {
  const isByAgent = actor?.groups.includes(NODE_GROUP) === true;
  const shown: Shown = { state, isByAgent, world, complain };
  if (isByAgent && actor) checkAgent(change, actor, shown);
  const { type, object } = change;
  const old = type === 'modified' ? change.old : undefined;
  if (object.kind === 'Alloc') {
    if (type === 'added') checkPlacement(object, shown);
    else if (type === 'deleted' && !isTerminal(object))
      complain('deleted', `${object.metadata.name} was deleted while ${object.status.phase}`);
    else if (old?.kind === 'Alloc') checkAlloc(object, old, shown);
  } else if (object.kind === 'Node') {
    const isRemoved = object.spec.removed && old?.kind === 'Node' && !old.spec.removed;
    if (type === 'deleted' || isRemoved) checkRemoval(object, shown);
  } else if (object.kind === 'Migration') {
    if (type === 'added') checkBudget(object, shown);
    else if (type === 'modified' && old?.kind === 'Migration') checkFailure(object, old, shown);
  } else if (object.kind === 'Volume' && old?.kind === 'Volume') checkVolume(object, old, shown);
}

function checkAgent({ object }: Change, { user, nodeUid }: Actor, { state, complain }: Shown): void {
  const node = user.slice('system:node:'.length);
  const credential = state.get('Credential', node);
  if (!credential || credential.spec.revoked || credential.spec.nodeUid !== nodeUid)
    complain('credential', `the agent of removed ${node} wrote ${object.kind} ${object.metadata.name}`);
}

function checkPlacement({ metadata, spec }: Alloc, { state, complain }: Shown): void {
  const node = state.get('Node', spec.node);
  const why = node ? whyUnschedulable(node) : 'is missing';
  if (node?.spec.drain || node?.spec.unschedulable)
    complain('placement', `${metadata.name} was placed on cordoned ${spec.node}`);
  if (why) complain('placement', `${metadata.name} was placed on ${spec.node}, which ${why}`);
}

function checkAlloc(alloc: Alloc, old: Alloc, shown: Shown): void {
  const { world, complain, isByAgent } = shown;
  const { name } = alloc.metadata;
  const { node } = alloc.spec;
  if (isTerminal(old) && !sameJson(old.status, alloc.status))
    complain('terminal', `${name} was ${old.status.phase} and is ${alloc.status.phase}`);
  const fixed = ['owner', 'node', 'template'] as const;
  if (!fixed.every((field) => sameJson(old.spec[field], alloc.spec[field])))
    complain('identity', `${name} is another alloc now`);
  if (alloc.spec.desired === 'stopped' && old.spec.desired !== 'stopped') checkStop(alloc, old, shown);
  if (alloc.spec.desired !== 'running' && old.spec.desired === 'running') checkSlot(alloc, old, shown);
  const isGoneNow = isTerminal(alloc) || alloc.status.phase === 'suspended';
  const wasThere = !isTerminal(old) && old.status.phase !== 'suspended';
  const process = world.machines.get(node)?.processes.get(name);
  if (isGoneNow && wasThere && isByAgent && process?.isRunning)
    complain('gone', `${name} is ${alloc.status.phase}, and its process runs`);
}

/** The budget of a drain is one replica after the other, each served by its replacement before it goes. */
function checkStop(alloc: Alloc, old: Alloc, { state, complain }: Shown): void {
  const { name } = alloc.metadata;
  const { stopReason, owner, replaces } = alloc.spec;
  if (stopReason === 'NodeDrained' && owner.kind === 'Service')
    complain('migration', `${name} of service ${owner.name} was stopped instead of migrated`);
  if (stopReason === 'MigrationUndone' && replaces !== undefined && isServing(old)) {
    const original = state.get('Alloc', replaces);
    if (!original || isTerminal(original)) complain('migration', `${name} was undone, and nobody serves`);
  }
  if (stopReason === 'Migrated' && !state.byIndex('Alloc', 'replaces', name).some(isServing))
    complain('migration', `${name} was stopped before its replacement served`);
}

/** A replica that serves is taken out of service by a move only where another one serves in its place. */
function checkSlot({ metadata: { name }, spec }: Alloc, old: Alloc, { state, complain }: Shown): void {
  const isMove = spec.desired === 'suspended' || MOVES.has(spec.stopReason);
  // One writer after the other: where there is a volume, its time without a writer is the price.
  if (!isMove || !isServing(old) || (spec.template.volumes ?? []).length > 0) return;
  const serves = state.byIndex('Alloc', 'slot', slotKey(spec.owner.uid, spec.slot)).some(isServing);
  if (!serves)
    complain('availability', `${name} served, and was taken out of service with nobody in its place`);
}

const MOVES: ReadonlySet<Alloc['spec']['stopReason']> = new Set([
  'Migrated',
  'MigrationUndone',
  'NodeDrained',
]);

function checkRemoval({ metadata: { name } }: Node, { state, world, complain }: Shown): void {
  const active = state.byIndex('Alloc', 'node', name).find((alloc) => !isTerminal(alloc));
  if (active) complain('removal', `${name} is removed with active ${active.metadata.name}`);
  for (const [uid, at] of world.cloud.attached)
    if (at === name) complain('removal', `${name} is removed with volume ${uid} attached`);
  for (const process of world.machines.get(name)?.running() ?? []) {
    const alloc = state.get('Alloc', process.alloc);
    // What a machine runs that was given up cannot be seen from here.
    const isGivenUp = alloc?.status.reason === undefined || isLost(alloc);
    if (!isGivenUp) complain('removal', `${name} is removed, and ${process.alloc} runs there`);
  }
}

function checkBudget({ spec, metadata }: Migration, { state, complain }: Shown): void {
  const service = state.get('Service', spec.service);
  const moving = state.byIndex('Migration', 'service', spec.service).filter((each) => !isFinished(each));
  if (service && moving.length > service.spec.migration.maxParallel)
    complain('budget', `migration ${metadata.name} is one too many for ${spec.service}`);
}

/** That a machine went down, once or twice, says nothing about the workload: a move goes on with another replacement. */
function checkFailure({ metadata, status }: Migration, { status: before }: Migration, shown: Shown): void {
  const { state, complain } = shown;
  const { failure, lost = [], replacement = '' } = status;
  if (!failure || before.failure || lost.length === MAX_LOST_REPLACEMENTS) return;
  const alloc = state.get('Alloc', replacement);
  if (alloc?.spec.desired !== 'running') return;
  const isTargetDown = failure.reason === 'TargetLost' && failure.message.endsWith(' is down');
  if (isTargetDown || (failure.reason === 'ReplacementFailed' && isLost(alloc)))
    complain('lost', `migration ${metadata.name} failed because ${replacement} was lost with its machine`);
}

function checkVolume({ metadata, status }: Volume, { status: before }: Volume, { complain }: Shown): void {
  if (before.node !== undefined && status.node !== undefined && before.node !== status.node)
    complain('one-node', `volume ${metadata.name} went from ${before.node} to ${status.node} in one step`);
}
