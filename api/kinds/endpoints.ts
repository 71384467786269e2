/** `Endpoints`: the allocs of a service that may get requests. Named like the service; gateways follow it. */
import { type Static, Type } from '@sinclair/typebox';
import { described, literals, Name, type Resource } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';
import { PortNumber, ShortName } from './template.ts';

const strict = { additionalProperties: false } as const;

const EndpointsSpec = Type.Object(
  {
    service: described(Name, 'the service that they are of'),
    drainTimeoutMs: Type.Integer({
      minimum: 0,
      description: 'how long the requests of an alloc that left may go on at a gateway, in milliseconds',
    }),
    ports: Type.Array(
      Type.Object(
        {
          name: described(ShortName, 'name of the port'),
          gatewayPort: described(PortNumber, 'port at which the gateways offer it'),
          protocol: literals(['auto', 'http', 'tcp'], { description: 'how the gateways read it' }),
          backends: Type.Array(
            Type.Object(
              {
                alloc: described(Name, 'the alloc behind it'),
                host: Type.String({ maxLength: 253, description: 'where the alloc is reached' }),
                port: described(PortNumber, 'its port there'),
              },
              strict,
            ),
            { description: 'where requests may go' },
          ),
        },
        strict,
      ),
      { description: 'ports that the gateways offer' },
    ),
    allocs: Type.Array(Name, {
      description: 'all allocs that are routable, those of services without a gateway port as well',
    }),
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
