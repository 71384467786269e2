/** `Lease`: a heartbeat, and how far its holder has followed the store. In memory only. */
import { type Static, Type } from '@sinclair/typebox';
import { literals, Name, type Resource, Timestamp } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';

const strict = { additionalProperties: false } as const;

const LeaseSpec = Type.Object(
  {
    holder: literals(['agent', 'gateway', 'controller']),
    /** The agent's node. */
    node: Type.Optional(Name),
    renewTime: Timestamp,
    /** It is dead when it was not renewed for so long, in milliseconds. */
    durationMs: Type.Integer({ minimum: 1 }),
    /** The store revision up to which its holder has applied what concerns it. */
    appliedRevision: Type.Integer({ minimum: 0 }),
    /** Gateway: allocs that get no new requests and have not finished those they had. */
    draining: Type.Array(Name, { default: [] }),
    /** Gateway: the services' ports that it cannot serve, and why. */
    problems: Type.Optional(
      Type.Array(Type.Object({ service: Name, message: Type.String({ maxLength: 4_096 }) }, strict)),
    ),
    /** Names this run of the process. */
    session: Type.String({ maxLength: 64 }),
  },
  strict,
);
export type LeaseSpec = Static<typeof LeaseSpec>;
const LeaseStatus = Type.Object({}, strict);
export type Lease = Resource<'Lease', LeaseSpec, Static<typeof LeaseStatus>>;

/** Name of the lease of a node's agent. */
export const nodeLeaseName = (node: string): string => `node-${node}`;

/** When the lease runs out, in milliseconds since the epoch. */
export const leaseExpiryMs = (lease: Lease): number =>
  Date.parse(lease.spec.renewTime) + lease.spec.durationMs;

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
    { name: 'Holder', description: 'agent, gateway or controller', value: (lease) => lease.spec.holder },
    { name: 'Node', description: 'node', value: (lease) => lease.spec.node ?? '-' },
    { name: 'Applied', description: 'revision', value: (lease) => lease.spec.appliedRevision },
    { name: 'Renewed', description: 'last heartbeat', value: (lease) => lease.spec.renewTime },
    ageColumn(),
  ],
  ephemeral: true,
  internal: true,
};
