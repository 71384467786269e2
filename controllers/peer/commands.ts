/** What the peer controller does: it gives an address, and clears away what has no node. */
import { deleteIfPresent } from '../../api/client/client.ts';
import { isApiError } from '../../api/errors.ts';
import type { CommandTable } from '../../runtime/controller/controller.ts';
import { isMeshAddress } from './addresses.ts';
import type { Command } from './machine.ts';

export const commands: CommandTable<'Peer', Command> = {
  async deletePeer(_params, { object, client }) {
    const { name, uid } = object.metadata;
    await deleteIfPresent(client, 'Peer', name, { uid });
  },

  async assignAddress({ address }, { object, client }) {
    const { name, resourceVersion } = object.metadata;
    const others = object.spec.allowedIPs.filter((each) => !isMeshAddress(each));
    const patch = { metadata: { resourceVersion }, spec: { allowedIPs: [address, ...others] } };
    try {
      await client.patch('Peer', name, patch);
    } catch (error) {
      // It changed since it was looked at, and is looked at again for that.
      if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
    }
  },
};
