/** What the mesh controller does: publishes its node, and applies the list of peers. */
import { isApiError } from '../../api/errors.ts';
import type { CommandTable } from '../../runtime/controller/controller.ts';
import type { Mesh } from '../../runtime/mesh/mesh.ts';
import type { Command } from './machine.ts';

/** @param onApplied told the revision up to which the mesh shows the peers */
export function meshCommands(
  mesh: Mesh,
  onApplied: (revision: number) => void,
): CommandTable<'Node', Command> {
  return {
    async createPeer({ identity }, { client, object }) {
      const { name } = object.metadata;
      try {
        await client.create({ kind: 'Peer', metadata: { name }, spec: { node: name, ...identity } });
      } catch (error) {
        // From an earlier agent of this node; its change brings the node back here.
        if (!isApiError(error, 'AlreadyExists')) throw error;
      }
    },
    async updatePeer({ identity: { publicKey, endpoint = null } }, { client, object }) {
      await client.patch('Peer', object.metadata.name, { spec: { publicKey, endpoint } });
    },
    async applyPeers({ configuration, revision }) {
      await mesh.apply(configuration);
      onApplied(revision);
    },
  };
}
