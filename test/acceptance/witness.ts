/** Watches the objects while something happens, and keeps what a promise about "at any instant" is judged by. */

import type { Alloc } from '../../api/kinds/alloc.ts';
import { isTerminal } from '../../api/kinds/alloc.ts';
import type { Mill } from './mill.ts';

export interface Witness {
  /** The fewest routable allocs that the service had at any instant. */
  fewestRouted(service: string): number;
  /** Every alloc ever seen, in its last state. */
  allocs(): readonly Alloc[];
  /** Allocs that were placed on the node after the witness began. */
  placedOn(node: string): readonly string[];
  stop(): Promise<void>;
}

/** Begins to watch from what is there now. */
export async function witness(mill: Mill): Promise<Witness> {
  const client = mill.client();
  const abort = new AbortController();
  const routed = new Map<string, number>();
  const allocs = new Map<string, Alloc>();
  const placed: Alloc[] = [];

  const endpoints = await client.list('Endpoints');
  for (const { metadata, spec } of endpoints.items) routed.set(metadata.name, spec.allocs.length);
  const listed = await client.list('Alloc');
  for (const alloc of listed.items) allocs.set(alloc.metadata.name, alloc);

  const options = { signal: abort.signal };
  const followEndpoints = async () => {
    const { resourceVersion } = endpoints;
    for await (const event of client.watch('Endpoints', { resourceVersion, ...options })) {
      if (event.type === 'BOOKMARK') continue;
      const { metadata, spec } = event.object;
      const count = event.type === 'DELETED' ? 0 : spec.allocs.length;
      routed.set(metadata.name, Math.min(routed.get(metadata.name) ?? count, count));
    }
  };
  const followAllocs = async () => {
    const { resourceVersion } = listed;
    for await (const event of client.watch('Alloc', { resourceVersion, ...options })) {
      if (event.type === 'BOOKMARK') continue;
      if (event.type === 'ADDED') placed.push(event.object);
      allocs.set(event.object.metadata.name, event.object);
    }
  };
  const ended = Promise.all([followEndpoints(), followAllocs()]);
  return {
    fewestRouted: (service) => routed.get(service) ?? 0,
    allocs: () => [...allocs.values()],
    placedOn: (node) =>
      placed.filter((alloc) => alloc.spec.node === node).map((alloc) => alloc.metadata.name),
    async stop() {
      abort.abort();
      await ended;
    },
  };
}

/** Allocs of a node that are not over. */
export const activeOn = (allocs: readonly Alloc[], node: string): readonly Alloc[] =>
  allocs.filter((alloc) => alloc.spec.node === node && !isTerminal(alloc));
