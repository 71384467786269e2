/** `Alloc`: one placed instance of a service or a task on a node. */
import { type Static, Type } from '@sinclair/typebox';
import { described, literals, Name, type Resource, Timestamp } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';
import { PortNumber, ShortName, Template } from './template.ts';

const strict = { additionalProperties: false } as const;

const ALLOC_PHASES = [
  'pending',
  'starting',
  'running',
  'healthy',
  'suspended',
  'stopping',
  'stopped',
  'failed',
] as const;
export type AllocPhase = (typeof ALLOC_PHASES)[number];

/** Why mill wants an alloc stopped. */
export const STOP_REASONS = [
  'Migrated',
  'MigrationUndone',
  'NodeDrained',
  'DrainForced',
  'ScaledDown',
  'OwnerDeleted',
  'Superseded',
  'TimedOut',
  'Requested',
] as const;
export type StopReason = (typeof STOP_REASONS)[number];

/** How an alloc ended, or why it does not get on. */
export const ALLOC_REASONS = [
  'Completed',
  'ExitedNonZero',
  'Killed',
  'StartFailed',
  'NodeDown',
  'AgentLost',
  'Unhealthy',
  'WaitingForVolume',
  'Stopped',
] as const;
export type AllocReason = (typeof ALLOC_REASONS)[number];

const AllocSpec = Type.Object(
  {
    /** Never changes (invariant 5), nor do `node` and `template`. */
    owner: Type.Object(
      {
        kind: literals(['Service', 'Task'], { description: 'kind of the owner' }),
        name: described(Name, 'name of the owner'),
        uid: Type.String({ maxLength: 64, description: 'uid of the owner' }),
      },
      { ...strict, description: 'the service or task that it is of; never changes' },
    ),
    node: described(Name, 'where it runs; never changes'),
    slot: Type.Integer({
      minimum: 0,
      default: 0,
      description: 'which replica of the service it is, from 0; one alloc a slot, and one that `replaces` it',
    }),
    replaces: Type.Optional(described(Name, 'the alloc that this one is to replace; set by a migration')),
    template: described(Template, 'what to run; never changes'),
    ports: Type.Array(ShortName, {
      maxItems: 32,
      default: [],
      description: "names of the ports that the workload is given, in the service's order",
    }),
    desired: literals(['running', 'suspended', 'stopped'], {
      default: 'running',
      description: 'what is wanted of it',
    }),
    stopReason: Type.Optional(literals(STOP_REASONS, { description: 'why it is wanted stopped' })),
  },
  strict,
);
export type AllocSpec = Static<typeof AllocSpec>;

const AllocStatus = Type.Object(
  {
    phase: literals(ALLOC_PHASES, { description: 'how far it is; the last two are its ends' }),
    reason: Type.Optional(
      literals(ALLOC_REASONS, { description: 'how it ended, or why it does not get on, in one word' }),
    ),
    message: Type.Optional(Type.String({ maxLength: 4_096, description: 'the same, in words' })),
    observedGeneration: Type.Optional(
      Type.Integer({ description: 'generation of the spec that the agent has acted upon' }),
    ),
    address: Type.Optional(Type.String({ maxLength: 253, description: 'where its ports are reached' })),
    ports: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: described(ShortName, 'name of the port'),
            port: described(PortNumber, 'its number on the node'),
          },
          strict,
        ),
        { description: 'the ports that it was given' },
      ),
    ),
    pid: Type.Optional(Type.Integer({ description: 'id of its process on the node' })),
    exitCode: Type.Optional(Type.Integer({ description: 'exit code of its process' })),
    signal: Type.Optional(Type.String({ maxLength: 16, description: 'the signal that ended its process' })),
    startedAt: Type.Optional(described(Timestamp, 'start of its process')),
    healthyAt: Type.Optional(described(Timestamp, 'since when it has been healthy without a break')),
    suspendedAt: Type.Optional(described(Timestamp, 'when it was seen suspended: the process is gone')),
    finishedAt: Type.Optional(described(Timestamp, 'end of its process')),
    /** `unrouted`: it gets no new requests and those it had are finished. Written by the endpoints controller. */
    route: Type.Optional(
      literals(['routed', 'unrouted'], {
        description: 'what every live gateway has acknowledged: it may get requests, or has none any more',
      }),
    ),
  },
  strict,
);
export type AllocStatus = Static<typeof AllocStatus>;
export type Alloc = Resource<'Alloc', AllocSpec, AllocStatus>;

/** True where the alloc is over; what is over stays over (invariant 4). */
export const isTerminal = (alloc: Alloc): boolean =>
  alloc.status.phase === 'stopped' || alloc.status.phase === 'failed';

/** True where it is over through no fault of its own: its agent, or its node, was lost. */
export const isLost = ({ status }: Alloc): boolean =>
  status.reason === 'NodeDown' || status.reason === 'AgentLost';

/**
 * The route that an alloc of a service should have; undefined where there is nothing to acknowledge yet (it has
 * never been routed, and is not to be) or any more (it is over).
 */
export function wantedRoute(alloc: Alloc): 'routed' | 'unrouted' | undefined {
  if (alloc.spec.owner.kind !== 'Service' || isTerminal(alloc)) return undefined;
  if (alloc.spec.desired !== 'running') return 'unrouted';
  if (alloc.status.phase === 'healthy') return 'routed';
  return alloc.status.route === undefined ? undefined : 'unrouted';
}

/** Key of the index `slot`: all allocs of one replica. */
export const slotKey = (ownerUid: string, slot: number): string => `${ownerUid}/${slot}`;

export const allocKind: KindDefinition<Alloc> = {
  kind: 'Alloc',
  plural: 'allocs',
  singular: 'alloc',
  shortNames: ['al'],
  description: 'one instance of a service or a task, placed on a node',
  spec: AllocSpec,
  status: AllocStatus,
  initialStatus: { phase: 'pending' },
  indexes: {
    node: (alloc) => [alloc.spec.node],
    owner: (alloc) => [alloc.spec.owner.uid],
    slot: (alloc) => [slotKey(alloc.spec.owner.uid, alloc.spec.slot)],
    replaces: (alloc) => (alloc.spec.replaces ? [alloc.spec.replaces] : []),
    /** Under `pending`: allocs whose wanted route is not acknowledged yet. */
    route: (alloc) =>
      wantedRoute(alloc) === alloc.status.route ? [] : wantedRoute(alloc) ? ['pending'] : [],
    volume: (alloc) => (alloc.spec.template.volumes ?? []).map((mount) => mount.volume),
  },
  fields: {
    'spec.node': (alloc) => alloc.spec.node,
    'spec.owner.name': (alloc) => alloc.spec.owner.name,
    'status.phase': (alloc) => alloc.status.phase,
  },
  columns: [
    { name: 'Owner', description: 'service or task', value: (alloc) => alloc.spec.owner.name },
    { name: 'Node', description: 'where it is', value: (alloc) => alloc.spec.node },
    { name: 'Phase', description: 'what it is doing', value: (alloc) => alloc.status.phase },
    { name: 'Desired', wide: true, description: 'what is wanted', value: (alloc) => alloc.spec.desired },
    { name: 'Route', wide: true, description: 'routing', value: (alloc) => alloc.status.route ?? '-' },
    ageColumn(),
    { name: 'Message', wide: true, description: 'why', value: (alloc) => alloc.status.message ?? '' },
  ],
  internal: true,
};
