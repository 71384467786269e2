/** What must be true of the histories of a run, and of what all copies hold at its end. */
import type { Line, Sighting } from './history.ts';
import { type Operation, whyNotLinearizable } from './linearizability.ts';

export interface Findings {
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

/** An object at the end of a run: the attempt that wrote it, at that revision. */
export interface Final {
  readonly object: string;
  readonly revision: number;
  readonly attempt: string;
}

type Histories = ReadonlyMap<string, readonly Line[]>;

export function audit(histories: Histories, finals: readonly Final[]): Findings {
  const violations: string[] = [];
  const say = (message: string) => void violations.push(message);
  const log = mergeSightings(histories, say);
  checkDecisions(log, deletionsUnseen(histories), say);
  checkFleet(log, say);
  const acknowledged = checkAcknowledged(histories, log, finals, say);
  const operations = checkCounters(histories, say);
  const counts: Record<string, number> = { acknowledged, operations, sightings: log.length };
  for (const line of [...histories.values()].flat()) {
    if (line.type === 'wrong') say(line.message);
    if (line.type === 'ended') counts[line.outcome] = (counts[line.outcome] ?? 0) + 1;
  }
  return { violations, counts };
}

/** All that anybody saw, in order: whoever saw a revision saw the same, and each saw them in order. */
function mergeSightings(histories: Histories, say: (message: string) => void): readonly Sighting[] {
  const byRevision = new Map<number, Sighting>();
  for (const [name, lines] of histories) {
    let last = 0;
    for (const line of lines) {
      if (line.type !== 'saw') continue;
      const known = byRevision.get(line.revision);
      if (known && (known.object !== line.object || known.attempt !== line.attempt)) {
        say(`fork: revision ${line.revision} is ${told(known)}, and ${told(line)} in ${name}`);
      }
      if (line.revision <= last) say(`order: ${name} saw revision ${line.revision} after ${last}`);
      last = line.revision;
      byRevision.set(line.revision, line);
    }
  }
  return [...byRevision.values()].sort((a, b) => a.revision - b.revision);
}

/** Counters whose deletion has an unknown outcome: where all that saw it were killed, nobody can tell of it. */
function deletionsUnseen(histories: Histories): ReadonlySet<string> {
  const open = new Map<string, string>();
  for (const line of [...histories.values()].flat()) {
    if (line.type === 'begun' && line.action?.type === 'delete' && line.counter !== undefined)
      open.set(line.attempt, `Event/${line.counter}`);
    if (line.type === 'ended' && line.outcome !== 'unknown') open.delete(line.attempt);
  }
  return new Set(open.values());
}

/** Between what a decision was based on and where it landed, nothing of it was changed, but by itself. */
function checkDecisions(
  log: readonly Sighting[],
  mayBeGone: ReadonlySet<string>,
  say: (message: string) => void,
): void {
  const latest = new Map<string, Sighting>();
  const seen = new Set(log.map(({ revision }) => revision));
  const isGap = (after: number, before: number) => {
    for (let revision = after + 1; revision < before; revision++) if (!seen.has(revision)) return true;
    return false;
  };
  for (const each of log) {
    for (const [object, read] of each.reads ?? []) {
      const last = latest.get(object);
      if (!last || last.revision <= read || last.attempt === each.attempt) continue;
      if (read === 0 && last.isDeleted) continue;
      if (read === 0 && mayBeGone.has(object) && isGap(last.revision, each.revision)) continue;
      say(`stale decision: ${told(each)} read ${object} at ${read}, which was ${told(last)} by then`);
    }
    latest.set(each.object, each);
  }
}

/** Invariants 1 and 2. Nodes here never come back, and an alloc that is over stays so: what was missed changes nothing. */
function checkFleet(log: readonly Sighting[], say: (message: string) => void): void {
  const leaving = new Map<string, Sighting>();
  const removed = new Map<string, Sighting>();
  const placed = new Set<string>();
  const placedOn = new Map<string, string[]>();
  for (const each of log) {
    if (each.object.startsWith('Node/') && (each.isLeaving || each.isDeleted)) {
      leaving.set(each.object, leaving.get(each.object) ?? each);
      if (each.isRemoved && !removed.has(each.object)) {
        removed.set(each.object, each);
        const known = new Set(each.reads?.map(([object]) => object));
        const phantom = placedOn.get(each.object)?.find((alloc) => !known.has(alloc));
        if (phantom) say(`phantom: ${told(each)} was removed without a look at ${phantom}`);
      }
    }
    if (!each.object.startsWith('Alloc/') || each.isDeleted) continue;
    const node = `Node/${each.node}`;
    const left = leaving.get(node);
    if (
      !placed.has(each.object) &&
      each.reads?.some(([object, read]) => object === each.object && read === 0)
    ) {
      if (left) say(`invariant 1: ${told(each)} was placed on ${node}, which leaves since ${left.revision}`);
      placed.add(each.object);
      placedOn.set(node, [...(placedOn.get(node) ?? []), each.object]);
    }
    if (!each.isOver && removed.has(node))
      say(`invariant 2: ${told(each)} lives on ${node}, which is removed`);
  }
}

/** Every acknowledged write is in the log where it was said to be, and in the end there, or written over. */
function checkAcknowledged(
  histories: Histories,
  log: readonly Sighting[],
  finals: readonly Final[],
  say: (message: string) => void,
): number {
  const seen = new Map(log.map((each) => [each.revision, each]));
  const final = new Map(finals.map((each) => [each.object, each]));
  const deleted = new Map(log.filter((each) => each.isDeleted).map((each) => [each.object, each.revision]));
  let count = 0;
  for (const line of [...histories.values()].flat()) {
    if (line.type !== 'ended' || line.outcome !== 'done') continue;
    for (const [object, revision] of line.wrote ?? []) {
      count += 1;
      const there = seen.get(revision);
      const isSame = there?.object === object && (there.isDeleted || there.attempt === line.attempt);
      if (there && !isSame) {
        say(`lost: ${line.attempt} was told that it wrote ${object} at ${revision}, where ${told(there)} is`);
      }
      const end = final.get(object)?.revision ?? deleted.get(object) ?? 0;
      if (end < revision) say(`lost: ${object} ends with ${end}; ${line.attempt} wrote it at ${revision}`);
      else if (end === revision && final.has(object) && final.get(object)?.attempt !== line.attempt) {
        say(`lost: ${object} is of ${final.get(object)?.attempt} at ${end}, not of ${line.attempt}`);
      }
    }
  }
  return count;
}

function checkCounters(histories: Histories, say: (message: string) => void): number {
  const operations = operationsOf(histories);
  let count = 0;
  for (const [counter, each] of operations) {
    count += each.length;
    const why = whyNotLinearizable(each);
    if (why !== undefined) say(`not linearizable: ${counter}: ${why}`);
  }
  return count;
}

/** What was refused has not taken place; what has no answer may have, at any time. */
function operationsOf(histories: Histories): ReadonlyMap<string, readonly Operation[]> {
  const counters = new Map<string, Operation[]>();
  for (const lines of histories.values()) {
    const ends = new Map(
      lines.flatMap((line) => (line.type === 'ended' ? [[line.attempt, line] as const] : [])),
    );
    for (const line of lines) {
      if (line.type !== 'begun' || !line.counter || !line.action) continue;
      const end = ends.get(line.attempt);
      if (end && ['refused', 'unavailable'].includes(end.outcome)) continue;
      const answer = end?.outcome === 'done' ? { returnedMs: end.ms, ...answerOf(end.value) } : {};
      const operation = { id: line.attempt, action: line.action, invokedMs: line.ms, ...answer };
      counters.set(line.counter, [...(counters.get(line.counter) ?? []), operation]);
    }
  }
  return counters;
}

const answerOf = (value: number | undefined) => (value === undefined ? {} : { value });

const told = ({ revision, object, attempt, isDeleted }: Sighting): string =>
  `${isDeleted ? 'the deletion of ' : ''}${object}@${revision} (${attempt || 'nobody'})`;
