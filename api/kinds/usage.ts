/** What the allocs of a node ask for, and what it has left. */
import { bytes, cpuMillis, formatBytes, formatCpu } from '../quantity.ts';
import { type Alloc, isTerminal } from './alloc.ts';
import type { Node } from './node.ts';

export interface Usage {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly allocs: number;
}

/** Kept by the identity of the list: a store gives the same list until one of its objects changes. */
const known = new WeakMap<readonly Alloc[], Usage>();

/** What the active ones of `allocs` ask for together. */
export function usageOf(allocs: readonly Alloc[]): Usage {
  const before = known.get(allocs);
  if (before) return before;
  let usage: Usage = { cpuMillis: 0, memoryBytes: 0, allocs: 0 };
  for (const alloc of allocs) if (!isTerminal(alloc)) usage = plus(usage, requestOf(alloc.spec.template));
  known.set(allocs, usage);
  return usage;
}

/** Kept by the identity of the spec's part, which a report of status leaves alone: reading quantities costs. */
const knownCapacities = new WeakMap<object, Usage>();

/** What the node has for allocs in all. */
export function capacityOf(node: Node): Usage {
  const { capacity } = node.spec;
  let known = knownCapacities.get(capacity);
  if (!known) {
    known = {
      cpuMillis: cpuMillis(capacity.cpu),
      memoryBytes: bytes(capacity.memory),
      allocs: capacity.allocs,
    };
    knownCapacities.set(capacity, known);
  }
  return known;
}

/** What one alloc of the template asks for. */
export const requestOf = (template: Alloc['spec']['template']): Usage => ({
  cpuMillis: cpuMillis(template.resources.cpu),
  memoryBytes: bytes(template.resources.memory),
  allocs: 1,
});

export const plus = (a: Usage, b: Usage): Usage => ({
  cpuMillis: a.cpuMillis + b.cpuMillis,
  memoryBytes: a.memoryBytes + b.memoryBytes,
  allocs: a.allocs + b.allocs,
});

/** What the node lacks to take `request` on top of `used`, in words; undefined where there is room. */
export function lacking(node: Node, used: Usage, request: Usage): string | undefined {
  const capacity = capacityOf(node);
  const freeCpu = capacity.cpuMillis - used.cpuMillis;
  if (request.cpuMillis > freeCpu) {
    return `needs ${formatCpu(request.cpuMillis)} CPU, ${formatCpu(Math.max(0, freeCpu))} free`;
  }
  const freeMemory = capacity.memoryBytes - used.memoryBytes;
  if (request.memoryBytes > freeMemory) {
    return `needs ${formatBytes(request.memoryBytes)} memory, ${formatBytes(Math.max(0, freeMemory))} free`;
  }
  return used.allocs + request.allocs > capacity.allocs
    ? `has its ${capacity.allocs} allocs already`
    : undefined;
}
