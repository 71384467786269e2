/** `Peer`: what the other nodes need to know to reach a node over the WireGuard mesh. */
import { type Static, Type } from '@sinclair/typebox';
import { described, Name, type Resource } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';

const strict = { additionalProperties: false } as const;

const PeerSpec = Type.Object(
  {
    node: described(Name, 'the node that it is'),
    publicKey: Type.String({
      pattern: '^[A-Za-z0-9+/]{43}=$',
      description: 'its public key: 32 bytes in base64, as `wg` writes them',
    }),
    endpoint: Type.Optional(
      Type.String({
        maxLength: 260,
        description: '`host:port` at which it can be reached; none: it calls the others',
      }),
    ),
    allowedIPs: Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 64,
      default: [],
      description: "the node's address in the mesh; given by the peer controller",
    }),
    /** The object stays until all live ones have said so: its resourceVersion is the revision that they acknowledge. */
    withdrawn: Type.Boolean({
      default: false,
      description: 'the node is leaving: every mesh drops this peer',
    }),
  },
  strict,
);
export type PeerSpec = Static<typeof PeerSpec>;

const PeerStatus = Type.Object(
  {
    publishedRevision: Type.Optional(
      Type.Integer({
        description:
          'store revision at which it was published; an agent whose lease says so much has applied it',
      }),
    ),
    observedGeneration: Type.Optional(Type.Integer({ description: 'generation that it was published of' })),
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
