/** `Service`: so many replicas of a workload, kept healthy and routed. */
import { type Static, Type } from '@sinclair/typebox';
import { Duration } from '../duration.ts';
import { type Condition, conditionSchema, literals, type Resource } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';
import { Placement, PortNumber, ShortName, Template } from './template.ts';

const strict = { additionalProperties: false } as const;
export const MAX_REPLICAS = 10_000;

const ServicePort = Type.Object(
  {
    name: ShortName,
    /** Port at which the gateways offer it. */
    gatewayPort: Type.Optional(PortNumber),
    /** How the gateway reads it; `auto` tells HTTP/1 from everything else by itself. */
    protocol: literals(['auto', 'http', 'tcp'], { default: 'auto' }),
  },
  strict,
);
export type ServicePort = Static<typeof ServicePort>;

const MigrationPolicy = Type.Object(
  {
    /** How many replicas may be on the move at a time, in the whole fleet. */
    maxParallel: Type.Integer({ minimum: 1, maximum: 100, default: 1 }),
    /** How long a replacement has to be healthy before the original is stopped. */
    minHealthy: Duration('0s'),
    /** How long a replacement may take to get healthy. */
    healthyDeadline: Duration('5m'),
  },
  { ...strict, default: {} },
);

const ServiceSpec = Type.Object(
  {
    replicas: Type.Integer({ minimum: 0, maximum: MAX_REPLICAS, default: 1 }),
    ports: Type.Array(ServicePort, { maxItems: 32, default: [] }),
    template: Template,
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
    ready: Type.Integer(),
    wanted: Type.Integer(),
    observedGeneration: Type.Optional(Type.Integer()),
    conditions: Type.Array(conditionSchema([...SERVICE_CONDITIONS], [...SERVICE_REASONS])),
    /** For `kubectl scale`. */
    replicas: Type.Optional(Type.Integer()),
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
