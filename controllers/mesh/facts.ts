/** What the mesh controller judges by: which peers there are, how this node is published, and what is applied. */
import type { Node } from '../../api/kinds/node.ts';
import type { Peer } from '../../api/kinds/peer.ts';
import type { Reader } from '../../api/store.ts';
import type { MeshConfiguration, MeshIdentity, MeshPeer } from '../../runtime/mesh/mesh.ts';

export interface Facts {
  /** The list of peers is whole (invariant 8). */
  readonly isSynced: boolean;
  /** The node is being removed: it publishes itself no more. */
  readonly isLeaving: boolean;
  readonly identity: MeshIdentity;
  readonly hasPeer: boolean;
  /** The node's Peer says what its identity is. */
  readonly isPublished: boolean;
  readonly wanted: MeshConfiguration;
  /** Up to which revision `wanted` takes account of the peers. */
  readonly revision: number;
  readonly appliedRevision: number;
}

/** What the agent itself knows. */
export type Here = Pick<Facts, 'isSynced' | 'identity' | 'revision' | 'appliedRevision'>;

export function meshFacts({ metadata, spec }: Node, reader: Reader, here: Here): Facts {
  const own = reader.get('Peer', metadata.name);
  const others = reader
    .list('Peer')
    .filter(({ spec: peer }) => peer.node !== metadata.name && isUsable(peer));
  return {
    ...here,
    isLeaving: spec.removed || metadata.deletionTimestamp !== undefined,
    hasPeer: own !== undefined,
    isPublished:
      own?.spec.publicKey === here.identity.publicKey && own.spec.endpoint === here.identity.endpoint,
    wanted: { addresses: own?.spec.allowedIPs ?? [], peers: others.map(meshPeer) },
  };
}

/** One without an address has nothing to be reached at yet; one that was withdrawn is dropped by every mesh. */
const isUsable = (peer: Peer['spec']): boolean => !peer.withdrawn && peer.allowedIPs.length > 0;

const meshPeer = ({ spec: { node, publicKey, endpoint, allowedIPs } }: Peer): MeshPeer => ({
  node,
  publicKey,
  ...(endpoint === undefined ? {} : { endpoint }),
  allowedIPs,
});
