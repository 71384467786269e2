/** What the peer controller reports: the revision at which the peer, as it is now, was published. */
import type { Peer } from '../../api/kinds/peer.ts';
import type { Facts } from './facts.ts';
import type { State } from './machine.ts';

export function report(peer: Peer, _facts: Facts, state: State): Peer['status'] {
  const { generation, resourceVersion } = peer.metadata;
  if (state !== 'published' || peer.status.observedGeneration === generation) return peer.status;
  return { publishedRevision: Number(resourceVersion), observedGeneration: generation };
}
