/** Why there is no place, for people: a line a reason, and a sentence. */
import type { NoPlaceReason } from '../../api/drain-plan.ts';

/** How many reasons a sentence spells out; a fleet may have thousands of nodes. */
const MAX_REASONS = 8;
/** How many nodes with the same reason are named. */
const MAX_NODES = 5;

/** One line a reason, nodes with the same reason together: `node-1, node-2: is draining`. */
export function reasonLines(reasons: readonly NoPlaceReason[]): string[] {
  const nodesByReason = new Map<string, string[]>();
  for (const { node, reason } of reasons) {
    const nodes = nodesByReason.get(reason) ?? [];
    nodesByReason.set(reason, node === undefined ? nodes : [...nodes, node]);
  }
  return [...nodesByReason].map(([reason, nodes]) => (nodes.length ? `${named(nodes)}: ${reason}` : reason));
}

/** For a condition or a failure: `no node has a place for it (node-1: is draining; node-2: label zone=a missing)`. */
export function noPlaceMessage(reasons: readonly NoPlaceReason[]): string {
  const lines = reasonLines(reasons);
  const rest = lines.length > MAX_REASONS ? `; and ${lines.length - MAX_REASONS} more reasons` : '';
  return `no node has a place for it (${lines.slice(0, MAX_REASONS).join('; ')}${rest})`;
}

const named = (nodes: readonly string[]): string =>
  nodes.length > MAX_NODES
    ? `${nodes.slice(0, MAX_NODES).join(', ')} and ${nodes.length - MAX_NODES} more`
    : nodes.join(', ');
