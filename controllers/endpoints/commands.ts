/** What the endpoints controller does: writes a service's Endpoints, and the allocs' acknowledged routes. */
import { isApiError } from '../../api/errors.ts';
import { isTerminal } from '../../api/kinds/alloc.ts';
import type { EndpointsSpec } from '../../api/kinds/endpoints.ts';
import type { Service } from '../../api/kinds/service.ts';
import type { CommandTable, Context } from '../../runtime/controller/controller.ts';
import type { Route } from './facts.ts';
import type { Command } from './machine.ts';

export const endpointsCommands: CommandTable<'Service', Command> = {
  // Revision-checked: an alloc that was told to stop meanwhile, with an old `unrouted` on it, may be gone by now, and
  // must not be written into the Endpoints.
  async clearRoutes({ outdated }, { client }) {
    await Promise.all(
      outdated.map(({ alloc, resourceVersion }) =>
        client.patch(
          'Alloc',
          alloc,
          { metadata: { resourceVersion }, status: { route: null } },
          { subresource: 'status' },
        ),
      ),
    );
  },
  createEndpoints: async ({ spec }, { client, object }) => {
    try {
      const metadata = { name: object.metadata.name, ownerReferences: [ownerReference(object)] };
      await client.create({ kind: 'Endpoints', metadata, spec });
    } catch (error) {
      // Its own change brings the service back here.
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
  },
  async updateEndpoints({ spec }, { client, object }) {
    await client.patch('Endpoints', object.metadata.name, { spec: spec satisfies EndpointsSpec });
  },
  async acknowledgeRoutes({ acknowledged }, context) {
    await Promise.all(acknowledged.map(({ alloc, route }) => writeRoute(alloc, route, context)));
  },
};

/** Nothing waits for the route of an alloc that is gone or over meanwhile. */
export async function writeRoute(name: string, route: Route, { client, reader }: Context): Promise<void> {
  try {
    await client.patch('Alloc', name, { status: { route } }, { subresource: 'status' });
  } catch (error) {
    const alloc = reader.get('Alloc', name);
    if (!isApiError(error) || (alloc && !isTerminal(alloc))) throw error;
  }
}

const ownerReference = ({ apiVersion, kind, metadata }: Service) => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid,
  controller: true,
});
