/** The endpoints controller: says which allocs of a service get requests, and when every gateway has heard it. */
import type { Alloc } from '../../api/kinds/alloc.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import type { LeaseTimes } from '../../runtime/lease-sight.ts';
import { endpointsCommands, writeRoute } from './commands.ts';
import { endpointsFacts, type Facts } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';

export interface EndpointsControllerOptions {
  readonly leases: LeaseTimes;
  /**
   * Before this time (ms since the epoch) nothing is acknowledged. Leases die with the memory that they are in: after
   * that gateways are given the time to say that they are there, or their silence would be taken for "there is
   * none". Default: 0.
   */
  readonly acknowledgeFromMs?: () => number;
}

/** It has no status of its own: its commands write the Endpoints, and `status.route` of the allocs. */
export function createEndpointsController({
  leases,
  acknowledgeFromMs = () => 0,
}: EndpointsControllerOptions): ControllerDefinition<'Service', Facts, Command, State> {
  return {
    name: 'endpoints',
    kind: 'Service',
    watches: {
      Service: (service) => [service.metadata.name],
      Alloc: serviceOf,
      Endpoints: (endpoints) => [endpoints.spec.service],
      Lease: (lease, reader) =>
        lease.spec.holder === 'gateway'
          ? reader.byIndex('Alloc', 'route', 'pending').map((alloc) => alloc.spec.owner.name)
          : [],
    },
    observe: (service, { reader, nowMs }) =>
      endpointsFacts(service, reader, leases, nowMs, acknowledgeFromMs()),
    machine,
    commands: endpointsCommands,
    wakeAt: ({ waitsUntilMs }) => waitsUntilMs,
    // Its Endpoints went with it: what is left of its allocs need not wait for a route that nobody can write.
    async forget(service, context) {
      const pending = context.reader.byIndex('Alloc', 'route', 'pending');
      const orphans = pending.filter((alloc) => serviceOf(alloc).includes(service));
      await Promise.all(orphans.map((alloc) => writeRoute(alloc.metadata.name, 'unrouted', context)));
    },
  };
}

const serviceOf = ({ spec: { owner } }: Alloc): string[] => (owner.kind === 'Service' ? [owner.name] : []);
