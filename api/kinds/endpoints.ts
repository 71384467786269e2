/** `Endpoints`: the allocs of a service that may get requests. Named like the service; gateways follow it. */
import { type Static, Type } from '@sinclair/typebox';
import { literals, Name, type Resource } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';
import { PortNumber, ShortName } from './template.ts';

const strict = { additionalProperties: false } as const;

const EndpointsSpec = Type.Object(
  {
    service: Name,
    /** How long the requests of an alloc that left may go on at a gateway, in milliseconds. */
    drainTimeoutMs: Type.Integer({ minimum: 0 }),
    ports: Type.Array(
      Type.Object(
        {
          name: ShortName,
          gatewayPort: PortNumber,
          protocol: literals(['auto', 'http', 'tcp']),
          backends: Type.Array(
            Type.Object({ alloc: Name, host: Type.String({ maxLength: 253 }), port: PortNumber }, strict),
          ),
        },
        strict,
      ),
    ),
    /** All allocs that are routable, those of services without a gateway port as well. */
    allocs: Type.Array(Name),
  },
  strict,
);
export type EndpointsSpec = Static<typeof EndpointsSpec>;
const EndpointsStatus = Type.Object({}, strict);
export type Endpoints = Resource<'Endpoints', EndpointsSpec, Static<typeof EndpointsStatus>>;

export const endpointsKind: KindDefinition<Endpoints> = {
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  description: 'the allocs of a service that may get requests',
  spec: EndpointsSpec,
  status: EndpointsStatus,
  initialStatus: {},
  indexes: {},
  fields: {},
  columns: [
    { name: 'Allocs', description: 'routable', value: (endpoints) => endpoints.spec.allocs.length },
    {
      name: 'Ports',
      description: 'at the gateway',
      value: (endpoints) => endpoints.spec.ports.map((port) => port.gatewayPort).join(',') || '-',
    },
    ageColumn(),
  ],
  internal: true,
};
