/** `Service`: so many replicas of a workload, kept healthy and routed. */
import { type Static, Type } from '@sinclair/typebox';
import { Duration } from '../duration.ts';
import {
  type Condition,
  conditionSchema,
  described,
  literals,
  OBSERVED_GENERATION,
  type Resource,
} from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';
import { Placement, PortNumber, ShortName, Template } from './template.ts';

const strict = { additionalProperties: false } as const;
export const MAX_REPLICAS = 10_000;

const ServicePort = Type.Object(
  {
    name: described(ShortName, 'the workload finds its port in `PORT_<NAME>`'),
    gatewayPort: Type.Optional(
      described(PortNumber, 'port at which the gateways offer it; none: they do not'),
    ),
    protocol: literals(['auto', 'http', 'tcp'], {
      default: 'auto',
      description: 'how the gateways read it; `auto` tells HTTP/1 by its first bytes',
    }),
  },
  strict,
);
export type ServicePort = Static<typeof ServicePort>;

const MigrationPolicy = Type.Object(
  {
    maxParallel: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 1,
      description: 'how many of its replicas may be on the move at a time, in the whole fleet',
    }),
    minHealthy: Duration({
      default: '0s',
      description: 'how long a replacement has to be healthy before the original is stopped',
    }),
    healthyDeadline: Duration({
      default: '5m',
      description: 'how long a replacement may take to get healthy',
    }),
  },
  { ...strict, default: {}, description: 'how replicas move, in a drain and in an update' },
);

const ServiceSpec = Type.Object(
  {
    replicas: Type.Integer({
      minimum: 0,
      maximum: MAX_REPLICAS,
      default: 1,
      description: 'how many replicas; 0 stops it; at most 1 with a volume',
    }),
    ports: Type.Array(ServicePort, {
      maxItems: 32,
      default: [],
      description: 'what the workload listens on',
    }),
    template: described(Template, 'what to run; a change replaces the allocs one after the other'),
    migration: MigrationPolicy,
    placement: Type.Optional(Placement),
  },
  strict,
);
export type ServiceSpec = Static<typeof ServiceSpec>;

export const SERVICE_CONDITIONS = ['Available', 'Placed'] as const;
export const SERVICE_REASONS = ['AllHealthy', 'TooFewHealthy', 'AllPlaced', 'NoPlace', 'BackingOff'] as const;
export type ServiceCondition = Condition<
  (typeof SERVICE_CONDITIONS)[number],
  (typeof SERVICE_REASONS)[number]
>;

const ServiceStatus = Type.Object(
  {
    ready: Type.Integer({ description: 'replicas that are healthy and routed' }),
    wanted: Type.Integer({ description: 'replicas wanted' }),
    observedGeneration: Type.Optional(Type.Integer({ description: OBSERVED_GENERATION })),
    conditions: Type.Array(conditionSchema([...SERVICE_CONDITIONS], [...SERVICE_REASONS]), {
      description: 'aspects of its state, each with why it is so',
    }),
    replicas: Type.Optional(Type.Integer({ description: 'replicas that have a node, for `kubectl scale`' })),
  },
  strict,
);
export type ServiceStatus = Static<typeof ServiceStatus>;
export type Service = Resource<'Service', ServiceSpec, ServiceStatus>;

export const serviceKind: KindDefinition<Service> = {
  kind: 'Service',
  plural: 'services',
  singular: 'service',
  shortNames: ['svc'],
  description: 'replicas of a workload, kept healthy and routed',
  spec: ServiceSpec,
  status: ServiceStatus,
  initialStatus: { ready: 0, wanted: 0, conditions: [] },
  indexes: { volume: (service) => (service.spec.template.volumes ?? []).map((mount) => mount.volume) },
  fields: {},
  columns: [
    {
      name: 'Ready',
      description: 'healthy and routed, of those wanted',
      value: (service) => `${service.status.ready}/${service.spec.replicas}`,
    },
    {
      name: 'Ports',
      description: 'ports at the gateway',
      value: (service) =>
        service.spec.ports.map((port) => `${port.name}:${port.gatewayPort ?? '-'}`).join(',') || '-',
    },
    ageColumn(),
    {
      name: 'Message',
      wide: true,
      description: 'what is not well',
      value: (service) => service.status.conditions.find((c) => c.status === 'False')?.message ?? '',
    },
  ],
  finalizers: ['mill.dev/service'],
};
