/** `Lease`: a heartbeat, and how far its holder has followed the store. In memory only. */
import { type Static, Type } from '@sinclair/typebox';
import { described, literals, Name, type Resource, Timestamp } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';

const strict = { additionalProperties: false } as const;

const LeaseSpec = Type.Object(
  {
    holder: literals(['agent', 'gateway', 'server'], { description: 'what its holder is' }),
    node: Type.Optional(described(Name, 'the node whose agent it is of, or on which the server runs')),
    renewTime: described(Timestamp, 'last heartbeat'),
    durationMs: Type.Integer({
      minimum: 1,
      description: 'its holder is dead when it was not renewed for so long, in milliseconds',
    }),
    appliedRevision: Type.Integer({
      minimum: 0,
      description: 'the store revision up to which its holder has applied what concerns it',
    }),
    draining: Type.Array(Name, {
      default: [],
      description: 'of a gateway: allocs that get no new requests and have not finished those they had',
    }),
    problems: Type.Optional(
      Type.Array(
        Type.Object(
          {
            service: described(Name, 'the service that it cannot serve'),
            message: Type.String({ maxLength: 4_096, description: 'why it cannot' }),
          },
          strict,
        ),
        { description: "of a gateway: the services' ports that it cannot serve, and why" },
      ),
    ),
    natsServers: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String({ maxLength: 253, description: 'name of the NATS server' }),
            online: Type.Boolean({ description: 'the cluster reaches it' }),
          },
          strict,
        ),
        { description: 'of a server: the NATS servers that keep its store, as it sees them' },
      ),
    ),
    leaving: Type.Optional(
      Type.Boolean({ description: 'of a server: it is stopping, and takes no leadership any more' }),
    ),
    session: Type.String({ maxLength: 64, description: "names this run of its holder's process" }),
  },
  strict,
);
export type LeaseSpec = Static<typeof LeaseSpec>;
const LeaseStatus = Type.Object({}, strict);
export type Lease = Resource<'Lease', LeaseSpec, Static<typeof LeaseStatus>>;

/** Name of the lease of a node's agent. */
export const nodeLeaseName = (node: string): string => `node-${node}`;

/** Name of the lease of a server. */
export const serverLeaseName = (server: string): string => `server-${server}`;

export const leaseKind: KindDefinition<Lease> = {
  kind: 'Lease',
  plural: 'leases',
  singular: 'lease',
  shortNames: [],
  description: 'a heartbeat, and how far its holder has followed the store',
  spec: LeaseSpec,
  status: LeaseStatus,
  initialStatus: {},
  indexes: {
    holder: (lease) => [lease.spec.holder],
    node: (lease) => (lease.spec.node ? [lease.spec.node] : []),
  },
  fields: {},
  columns: [
    { name: 'Holder', description: 'agent, gateway or server', value: (lease) => lease.spec.holder },
    { name: 'Node', description: 'node', value: (lease) => lease.spec.node ?? '-' },
    { name: 'Applied', description: 'revision', value: (lease) => lease.spec.appliedRevision },
    { name: 'Renewed', description: 'last heartbeat', value: (lease) => lease.spec.renewTime },
    ageColumn(),
  ],
  ephemeral: true,
  internal: true,
};
