/** What the mounts controller does: mounts and unmounts, and says so in the volume's status. */
import { isApiError } from '../../api/errors.ts';
import type { Volume } from '../../api/kinds/volume.ts';
import type { CommandTable, Context } from '../../runtime/controller/controller.ts';
import { volumeRef } from '../../runtime/drivers/volume.ts';
import type { Command } from './machine.ts';
import type { MountTable } from './table.ts';

/** @param isUsing whether a process has the volume of that name open now */
export function mountCommands(
  table: MountTable,
  isUsing: (volume: string) => boolean,
): CommandTable<'Volume', Command> {
  return {
    // Also where the status says so already: only the answer proves that this node still has the volume.
    recordMounted: (_, context) => record(true, context),
    mountVolume: (_, { object }) => table.mount(volumeRef(object)),
    async unmountVolume(_, { object }) {
      const { name } = object.metadata;
      // Asked again in the turn in which the table stops giving the directory out: no process can start in between.
      if (isUsing(name)) throw new Error(`volume "${name}" came into use again`);
      await table.unmount(volumeRef(object));
    },
    async recordUnmounted(_, context) {
      try {
        await record(false, context);
      } catch (error) {
        // It changed meanwhile, and comes back with that; a node that was given up has nothing to say any more.
        if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
      }
    },
  };
}

async function record(mounted: boolean, { client, object }: Context & { object: Volume }): Promise<void> {
  const { name, resourceVersion } = object.metadata;
  const patch = { metadata: { resourceVersion }, status: { mounted } };
  await client.patch('Volume', name, patch, { subresource: 'status' });
}
