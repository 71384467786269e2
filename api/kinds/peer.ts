/** `Peer`: what the other nodes need to know to reach a node over the WireGuard mesh. */
import { type Static, Type } from '@sinclair/typebox';
import { Name, type Resource } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';

const strict = { additionalProperties: false } as const;

const PeerSpec = Type.Object(
  {
    node: Name,
    /** 32 bytes in base64, as `wg` writes them. */
    publicKey: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }),
    /** `host:port` at which it can be reached; absent: it calls the others. */
    endpoint: Type.Optional(Type.String({ maxLength: 260 })),
    /** Given by the peer controller: the node's address in the mesh. */
    allowedIPs: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64, default: [] }),
    /**
     * The node is leaving: every mesh drops this peer. The object stays until all live ones have said so, as its
     * resourceVersion is the revision that they acknowledge.
     */
    withdrawn: Type.Boolean({ default: false }),
  },
  strict,
);
export type PeerSpec = Static<typeof PeerSpec>;

const PeerStatus = Type.Object(
  {
    /** Store revision at which it was published; an agent whose lease says so much has applied it. */
    publishedRevision: Type.Optional(Type.Integer()),
    /** Generation that it was published of. */
    observedGeneration: Type.Optional(Type.Integer()),
  },
  strict,
);
export type Peer = Resource<'Peer', PeerSpec, Static<typeof PeerStatus>>;

export const peerKind: KindDefinition<Peer> = {
  kind: 'Peer',
  plural: 'peers',
  singular: 'peer',
  shortNames: [],
  description: 'a node in the WireGuard mesh',
  spec: PeerSpec,
  status: PeerStatus,
  initialStatus: {},
  indexes: { node: (peer) => [peer.spec.node], address: (peer) => peer.spec.allowedIPs },
  fields: { 'spec.node': (peer) => peer.spec.node },
  columns: [
    { name: 'Node', description: 'node', value: (peer) => peer.spec.node },
    { name: 'Endpoint', description: 'where to reach it', value: (peer) => peer.spec.endpoint ?? '-' },
    { name: 'AllowedIPs', description: 'addresses', value: (peer) => peer.spec.allowedIPs.join(',') },
    ageColumn(),
  ],
  internal: true,
};
