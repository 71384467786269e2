/** What is promised about time, and about what is left behind: waits that are kept, deadlines, and clean ends. */
import { durationMs } from '../../api/duration.ts';
import { type Alloc, isLost, isTerminal } from '../../api/kinds/alloc.ts';
import { nodeLeaseName } from '../../api/kinds/lease.ts';
import { isFinished, type Migration } from '../../api/kinds/migration.ts';
import { isLeaving, type Node } from '../../api/kinds/node.ts';
import type { Peer } from '../../api/kinds/peer.ts';
import type { Change, Reader } from '../../api/store.ts';
import { saidExpiryMs } from '../vocabulary/lease-times.ts';
import type { Complain, World } from './world.ts';

/** A little less than a slot waits at least after a failure. */
const MIN_BACKOFF_MS = 490;
/** Longer than the servers are away between two starts. */
const OVERDUE_MS = 8_000;
/** NATS takes no writes while its servers are away and then elect a leader: longer than both, one after the other. */
const OVERDUE_ON_NATS_MS = 25_000;

interface Shown {
  readonly state: Reader;
  readonly world: World;
  readonly complain: Complain;
}

export function checkPunctuality(change: Change, state: Reader, world: World, complain: Complain): void {
  const shown: Shown = { state, world, complain };
  const { type, object } = change;
  const old = type === 'modified' ? change.old : undefined;
  switch (object.kind) {
    case 'Alloc':
      if (type === 'added') checkBackoff(object, shown);
      if (old?.kind === 'Alloc') checkAlloc(object, old, shown);
      break;
    case 'Migration':
      if (type === 'added') checkNodeBudget(object, shown);
      break;
    case 'Node':
      if (type === 'deleted') checkCredential(object, shown);
      else if (old?.kind === 'Node') checkDrained(object, old, shown);
      break;
    case 'Peer':
      if (type === 'deleted') checkDropped(object, shown);
      break;
  }
}

function checkAlloc(alloc: Alloc, old: Alloc, shown: Shown): void {
  if (alloc.status.phase === 'healthy' && old.status.phase !== 'healthy') checkDeadline(alloc, shown);
  if (alloc.spec.desired !== 'stopped' || old.spec.desired === 'stopped') return;
  if (alloc.spec.stopReason === 'NodeDrained') checkTaskGrace(alloc, shown);
  if (alloc.spec.stopReason === 'Migrated') checkProven(alloc, shown);
}

function checkBackoff({ metadata, spec }: Alloc, { state, world, complain }: Shown): void {
  if (!areClocksRight(world) || spec.owner.kind !== 'Service' || spec.replaces !== undefined) return;
  const [latest] = state
    .byIndex('Alloc', 'owner', spec.owner.uid)
    .filter((each) => each.spec.slot === spec.slot && each.metadata.name !== metadata.name)
    .sort((a, b) => Date.parse(b.metadata.creationTimestamp) - Date.parse(a.metadata.creationTimestamp));
  if (latest?.status.phase !== 'failed' || latest.spec.desired === 'stopped') return;
  const { healthyAt, finishedAt } = latest.status;
  if (isLost(latest) || healthyAt || !finishedAt) return;
  const agoMs = serverNowMs(world) - Date.parse(finishedAt);
  if (agoMs < MIN_BACKOFF_MS)
    complain('backoff', `${metadata.name} comes ${agoMs} ms after ${latest.metadata.name} failed`);
}

/** Long after its deadline nobody waits for a replacement any more. */
function checkDeadline({ metadata, spec }: Alloc, { state, world, complain }: Shown): void {
  const migration = state.get('Migration', spec.replaces ?? '');
  if (!migration || isFinished(migration) || !areClocksRight(world)) return;
  const { deadline, turnedBackAt } = migration.status;
  if (!deadline || turnedBackAt || spec.desired !== 'running') return;
  const overdueMs = world.fleet ? OVERDUE_ON_NATS_MS : OVERDUE_MS;
  if (serverNowMs(world) > Date.parse(deadline) + overdueMs)
    complain('deadline', `${metadata.name} was waited for long after the deadline of its migration`);
}

function checkTaskGrace({ metadata, spec }: Alloc, { state, world, complain }: Shown): void {
  const node = state.get('Node', spec.node);
  if (!node?.status.drain || !areClocksRight(world)) return;
  const fromMs = Date.parse(node.status.drain.startedAt) + durationMs(node.spec.drainPolicy.taskGrace);
  if (serverNowMs(world) < fromMs) complain('grace', `${metadata.name} is stopped before its grace is over`);
}

function checkProven({ metadata: { name }, spec }: Alloc, { state, world, complain }: Shown): void {
  const service = state.get('Service', spec.owner.name);
  if (!service || !isServerRight(world)) return;
  const minHealthyMs = durationMs(service.spec.migration.minHealthy);
  const nowMs = serverNowMs(world);
  const isTooSoon = (since: string | undefined) => !since || nowMs < Date.parse(since) + minHealthyMs;
  for (const { status } of state.byIndex('Alloc', 'replaces', name)) {
    if (!status.healthyAt) continue;
    const seenAt = state.get('Migration', name)?.status.healthy?.seenAt;
    if (areClocksRight(world) ? isTooSoon(status.healthyAt) : minHealthyMs > 0 && isTooSoon(seenAt))
      complain('migration', `${name} is stopped before its replacement has been healthy for long enough`);
  }
}

/** The budget of a node is kept by one drain controller; two of them may each begin one. */
function checkNodeBudget({ metadata, spec }: Migration, { state, world, complain }: Shown): void {
  const node = state.get('Node', spec.node);
  if (spec.reason !== 'drain' || !node || world.secondControlPlane) return;
  // Begun by a pass that had read the policy just before an operator made it narrower.
  const isSeen = node.status.observedGeneration === node.metadata.generation;
  if (!isSeen || spec.attempt !== node.spec.drainPolicy.attempt) return;
  const moving = state.byIndex('Migration', 'node', spec.node).filter((each) => !isFinished(each));
  if (moving.length > node.spec.drainPolicy.maxParallel)
    complain('budget', `migration ${metadata.name} is one too many for ${spec.node}`);
}

function checkDrained({ metadata: { name }, status }: Node, old: Node, { state, complain }: Shown): void {
  if (status.drain?.step !== 'drained' || old.status.drain?.step === 'drained') return;
  const active = state.byIndex('Alloc', 'node', name).find((alloc) => !isTerminal(alloc));
  if (active) complain('drained', `${name} is drained with active ${active.metadata.name}`);
  const volume = state.byIndex('Volume', 'node', name).find((each) => each.status.node === name);
  if (volume) complain('drained', `${name} is drained with volume ${volume.metadata.name}`);
}

function checkCredential({ metadata: { name, uid } }: Node, { state, complain }: Shown): void {
  const credential = state.get('Credential', name);
  if (credential && !credential.spec.revoked && credential.spec.nodeUid === uid)
    complain('credential', `${name} is gone, and its credential is good`);
}

/** A peer goes when no live mesh has it any more. */
function checkDropped({ spec }: Peer, { state, world, complain }: Shown): void {
  if (!areClocksRight(world)) return;
  for (const { machine, process, link } of world.agents) {
    const node = state.get('Node', machine.name);
    // One that leaves as well has no say in it any more. One that is back, and counts as down still, is not waited for: it hears of it.
    if (!node || isLeaving(node) || node.status.phase === 'down') continue;
    const lease = state.get('Lease', nodeLeaseName(machine.name));
    const isLive = process?.isAlive && !link.isCut && lease && saidExpiryMs(lease) > world.timeline.nowMs;
    const hasIt = machine.name !== spec.node && machine.mesh?.peers.some((peer) => peer.node === spec.node);
    if (isLive && hasIt) complain('peer', `the peer of ${spec.node} is deleted, and ${machine.name} has it`);
  }
}

/** As the servers read their clock. */
const serverNowMs = ({ timeline, serverTime }: World): number =>
  Math.floor(timeline.nowMs + serverTime.offsetMs);

/** Only then can times that one process wrote be compared with those of another. */
const areClocksRight = (world: World): boolean =>
  isServerRight(world) && [...world.machines.values()].every(({ time }) => time.offsetMs === 0);

/** Nobody has set its clock, and there is one. */
const isServerRight = ({ serverTime, secondControlPlane }: World): boolean =>
  !secondControlPlane && serverTime.offsetMs === 0;
