/** What a removal does: one trace of the node after the other is deleted; absence is success. */
import { type Client, deleteIfPresent } from '../../api/client/client.ts';
import { timestamp } from '../../api/clock.ts';
import { isApiError } from '../../api/errors.ts';
import type { KindName } from '../../api/kinds/index.ts';
import { nodeLeaseName } from '../../api/kinds/lease.ts';
import type { CommandTable } from '../../runtime/controller/controller.ts';
import type { Command } from './machine.ts';

const FINALIZER = 'mill.dev/node';

export const commands: CommandTable<'Node', Command> = {
  deleteAllocs: ({ names }, { client }) => deleteAll(client, 'Alloc', names),

  deleteMigrations: ({ names }, { client }) => deleteAll(client, 'Migration', names),

  async revokeCredential(_params, { object, client, nowMs }) {
    const spec = { revoked: true, revokedAt: timestamp(nowMs) };
    await ignoringAbsence(client.patch('Credential', object.metadata.name, { spec }));
  },

  async withdrawPeers({ names }, { client }) {
    await Promise.all(
      names.map((name) => ignoringAbsence(client.patch('Peer', name, { spec: { withdrawn: true } }))),
    );
  },

  deletePeers: ({ names }, { client }) => deleteAll(client, 'Peer', names),

  deleteLease: (_params, { object, client }) =>
    deleteIfPresent(client, 'Lease', nodeLeaseName(object.metadata.name)),

  async deleteNode(_params, { object, client, events }) {
    const { name, uid } = object.metadata;
    await deleteIfPresent(client, 'Node', name, { uid });
    events.normal(object, 'NodeRemoved', `node ${name} was taken out of the fleet`);
  },

  async releaseNode(_params, { object, client }) {
    const { name, resourceVersion, finalizers = [] } = object.metadata;
    const rest = finalizers.filter((finalizer) => finalizer !== FINALIZER);
    if (rest.length === finalizers.length) return;
    try {
      await client.patch('Node', name, { metadata: { resourceVersion, finalizers: rest } });
    } catch (error) {
      // It changed since it was looked at, and is looked at again for that.
      if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
    }
  },
};

/** All at once: the store commits together what waits together. */
async function deleteAll(client: Client, kind: KindName, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => deleteIfPresent(client, kind, name)));
}

async function ignoringAbsence(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
