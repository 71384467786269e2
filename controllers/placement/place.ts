/** Where an alloc goes: a pure function of the fleet. Used for services, tasks, migrations and drain plans alike. */
import type { NoPlaceReason } from '../../api/drain-plan.ts';
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import { isSchedulable, type Node, whyUnschedulable } from '../../api/kinds/node.ts';
import { type Placement as Constraints, type Template, volumesOf } from '../../api/kinds/template.ts';
import { capacityOf, lacking, plus, requestOf, type Usage, usageOf } from '../../api/kinds/usage.ts';
import type { Reader } from '../../api/store.ts';
import type { Reservations } from './reservations.ts';

export interface PlacementRequest {
  /** uid of the service or task: its allocs are spread over the nodes, and share its volumes. */
  readonly ownerUid: string;
  readonly template: Template;
  readonly placement?: Constraints | undefined;
  /** Nodes that are out of the question, such as the one that is left. */
  readonly exclude?: ReadonlySet<string>;
  /** The node to take if it can take it at all. */
  readonly prefer?: string;
}

export type Placement = { readonly node: string } | { readonly reasons: readonly NoPlaceReason[] };

/** For callers that narrow: true where a place was found. */
export const isPlaced = (placement: Placement): placement is { readonly node: string } => 'node' in placement;

/**
 * Of a large fleet so many nodes that can take an alloc are compared, beginning somewhere else for each: more would be
 * little better, and a placement would cost more the larger the fleet is (Kubernetes' scheduler does the same:
 * `percentageOfNodesToScore`).
 */
const ENOUGH_CANDIDATES = 100;

/**
 * Picks the node for one alloc: of those that can take it the preferred one (or the one where its volume is), else
 * those with the fewest allocs of its owner, of these the fullest, of these the first by name. The same fleet gives
 * the same answer.
 * @param reserved what was placed on paper before, on top of the allocs that are there
 */
export function place(request: PlacementRequest, reader: Reader, reserved?: Reservations): Placement {
  const obstacle = volumeObstacle(request, reader);
  if (obstacle) return { reasons: [{ reason: obstacle }] };
  const preferred = preferredNodes(request, reader);
  const wanted = requestOf(request.template);
  const spread = countByNode(reader.byIndex('Alloc', 'owner', request.ownerUid));
  let best: Candidate | undefined;
  let candidates = 0;
  for (const node of inTurn(reader, preferred, startOf(request, spread))) {
    if (candidates >= ENOUGH_CANDIDATES) break;
    if (!isEligible(node, request)) continue;
    const { name } = node.metadata;
    const used = usedOn(name, reader, reserved);
    const capacity = capacityOf(node);
    if (!fits(capacity, used, wanted)) continue;
    const candidate: Candidate = {
      node: name,
      isPreferred: preferred.includes(name),
      ofOwner: (spread.get(name) ?? 0) + (reserved?.ofOwner(name, request.ownerUid) ?? 0),
      fullness: fullness(capacity, used),
    };
    candidates += 1;
    // Of equals the first one stays.
    if (!best || isBetter(candidate, best)) best = candidate;
  }
  return best ? { node: best.node } : { reasons: whyNowhere(request, wanted, reader, reserved) };
}

/** The preferred nodes, then all: from the first by name in a small fleet, from `start` on in a large one. */
function* inTurn(reader: Reader, preferred: readonly string[], start: number): Generator<Node> {
  for (const name of preferred) {
    const node = reader.get('Node', name);
    if (node) yield node;
  }
  const nodes = reader.list('Node');
  const from = nodes.length > ENOUGH_CANDIDATES ? start % nodes.length : 0;
  for (let offset = 0; offset < nodes.length; offset++) {
    const node = nodes[(from + offset) % nodes.length];
    if (node) yield node;
  }
}

/** Another place for each owner, and for each of its allocs (FNV-1a of its uid). */
function startOf({ ownerUid }: PlacementRequest, spread: ReadonlyMap<string, number>): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < ownerUid.length; index++) {
    hash = Math.imul(hash ^ ownerUid.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) + spread.size * ENOUGH_CANDIDATES;
}

interface Candidate {
  readonly node: string;
  readonly isPreferred: boolean;
  readonly ofOwner: number;
  readonly fullness: number;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.isPreferred !== b.isPreferred) return a.isPreferred;
  if (a.ofOwner !== b.ofOwner) return a.ofOwner < b.ofOwner;
  return a.fullness > b.fullness;
}

/** The node asked for, and those where its volumes are or are wanted: what is there need not be moved. */
function preferredNodes(request: PlacementRequest, reader: Reader): readonly string[] {
  if (request.prefer !== undefined && !request.exclude?.has(request.prefer)) {
    const node = reader.get('Node', request.prefer);
    if (node && isSchedulable(node)) return [request.prefer];
  }
  return volumesOf(request.template).flatMap((name) => {
    const volume = reader.get('Volume', name);
    const node = volume?.status.node ?? volume?.spec.node;
    return node === undefined ? [] : [node];
  });
}

/** A volume that no node can have now, in words. */
function volumeObstacle(request: PlacementRequest, reader: Reader): string | undefined {
  for (const name of volumesOf(request.template)) {
    const volume = reader.get('Volume', name);
    if (!volume) return `volume ${name} does not exist`;
    if (volume.metadata.deletionTimestamp) return `volume ${name} is being deleted`;
    const other = reader
      .byIndex('Alloc', 'volume', name)
      .find((alloc) => !isTerminal(alloc) && alloc.spec.owner.uid !== request.ownerUid);
    if (other) return `volume ${name} is mounted by alloc ${other.metadata.name}`;
  }
  return undefined;
}

function isEligible(node: Node, request: PlacementRequest): boolean {
  return (
    isSchedulable(node) &&
    !request.exclude?.has(node.metadata.name) &&
    missingLabel(node, request.placement) === undefined
  );
}

const usedOn = (node: string, reader: Reader, reserved: Reservations | undefined): Usage => {
  const used = usageOf(reader.byIndex('Alloc', 'node', node));
  const onPaper = reserved?.on(node);
  return onPaper ? plus(used, onPaper) : used;
};

const fits = (capacity: Usage, used: Usage, wanted: Usage): boolean =>
  used.cpuMillis + wanted.cpuMillis <= capacity.cpuMillis &&
  used.memoryBytes + wanted.memoryBytes <= capacity.memoryBytes &&
  used.allocs + wanted.allocs <= capacity.allocs;

/** From 0 (empty) to 2: the shares of its CPU and of its memory that are taken. A resource that it has none of is full. */
const fullness = (capacity: Usage, used: Usage): number =>
  (capacity.cpuMillis > 0 ? used.cpuMillis / capacity.cpuMillis : 1) +
  (capacity.memoryBytes > 0 ? used.memoryBytes / capacity.memoryBytes : 1);

/** Kept by the identity of the list: a store gives the same list until one of its objects changes. */
const knownCounts = new WeakMap<readonly Alloc[], ReadonlyMap<string, number>>();

function countByNode(allocs: readonly Alloc[]): ReadonlyMap<string, number> {
  const known = knownCounts.get(allocs);
  if (known) return known;
  const counts = new Map<string, number>();
  for (const alloc of allocs) {
    if (!isTerminal(alloc)) counts.set(alloc.spec.node, (counts.get(alloc.spec.node) ?? 0) + 1);
  }
  knownCounts.set(allocs, counts);
  return counts;
}

/** The label that the node lacks, as `key=value`. */
function missingLabel(node: Node, constraints: Constraints | undefined): string | undefined {
  if (!constraints?.nodeSelector) return undefined;
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(constraints.nodeSelector)) {
    if (!Object.hasOwn(labels, key) || labels[key] !== value) return `${key}=${value}`;
  }
  return undefined;
}

/** The reason of every node that was asked, worked out only when none can take it. */
function whyNowhere(
  request: PlacementRequest,
  wanted: Usage,
  reader: Reader,
  reserved: Reservations | undefined,
): NoPlaceReason[] {
  const nodes = reader.list('Node').filter((node) => !request.exclude?.has(node.metadata.name));
  if (nodes.length === 0)
    return [{ reason: request.exclude?.size ? 'there is no other node' : 'there are no nodes' }];
  return nodes.map((node) => {
    const { name } = node.metadata;
    const label = missingLabel(node, request.placement);
    const reason =
      whyUnschedulable(node) ??
      (label === undefined ? undefined : `label ${label} missing`) ??
      lacking(node, usedOn(name, reader, reserved), wanted) ??
      'cannot take it';
    return { node: name, reason };
  });
}
