/** What the service controller does to allocs and migrations. What goes together is asked for at once: one commit. */
import { deleteIfPresent } from '../../api/client/client.ts';
import { isApiError } from '../../api/errors.ts';
import { isFinished } from '../../api/kinds/migration.ts';
import type { Service } from '../../api/kinds/service.ts';
import { API_VERSION } from '../../api/meta.ts';
import type { CommandTable, Context } from '../../runtime/controller/controller.ts';
import { newAlloc } from '../placement/new-alloc.ts';
import { FAILURES_ANNOTATION } from './backoff.ts';
import type { Command } from './machine.ts';

const FINALIZER = 'mill.dev/service';

export const commands: CommandTable<'Service', Command> = {
  async stopAllocs({ allocs, reason }, { client }) {
    const spec = { desired: 'stopped', stopReason: reason };
    await Promise.all(allocs.map((name) => unlessGone(client.patch('Alloc', name, { spec }))));
  },

  // A refusal means that the fleet changed since it was looked at: thrown, so that it is looked at again.
  async createAllocs({ placements }, { client, object, random }) {
    await Promise.all(
      placements.map(({ slot, node, failures }) => {
        const annotations = failures ? { annotations: { [FAILURES_ANNOTATION]: String(failures) } } : {};
        return client.create(newAlloc({ owner: object, node, slot, random, ...annotations }));
      }),
    );
  },

  async cancelMigrations({ migrations }, { client }) {
    const spec = { cancelled: true };
    await Promise.all(migrations.map((name) => unlessGone(client.patch('Migration', name, { spec }))));
  },

  async startMigrations({ allocs }, context) {
    await Promise.all(allocs.map((each) => startMigration(each, context)));
  },

  async deleteMigrations({ migrations }, { client }) {
    await Promise.all(migrations.map((name) => deleteIfPresent(client, 'Migration', name)));
  },

  async deleteAllocs({ allocs }, { client }) {
    await Promise.all(allocs.map((name) => deleteIfPresent(client, 'Alloc', name)));
  },

  async releaseService(_params, { client, object }) {
    const { name, resourceVersion, finalizers = [] } = object.metadata;
    const rest = finalizers.filter((finalizer) => finalizer !== FINALIZER);
    try {
      await client.patch('Service', name, { metadata: { resourceVersion, finalizers: rest } });
    } catch (error) {
      // It changed meanwhile, which brings it back; or it is gone, which is what was wanted.
      if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
    }
  },
};

async function startMigration(
  { alloc, node }: { readonly alloc: string; readonly node: string },
  context: Context & { readonly object: Service },
): Promise<void> {
  const { client, object, events } = context;
  const { name, uid, generation } = object.metadata;
  try {
    await client.create({
      kind: 'Migration',
      metadata: {
        name: alloc,
        ownerReferences: [{ apiVersion: API_VERSION, kind: 'Service', name, uid, controller: true }],
      },
      spec: { alloc, service: name, node, reason: 'update', attempt: generation },
    });
    events.normal(object, 'Updating', `alloc ${alloc} is replaced by one of the present template`);
  } catch (error) {
    // It is on the move already, or a drain was first to take what the service may move at a time: the end of that
    // migration brings the service back.
    if (isApiError(error, 'AlreadyExists')) return;
    if (isApiError(error, 'Invalid') && isBudgetSpent(context)) return;
    throw error;
  }
}

const isBudgetSpent = ({ reader, object }: Context & { readonly object: Service }): boolean =>
  reader.byIndex('Migration', 'service', object.metadata.name).filter((each) => !isFinished(each)).length >=
  object.spec.migration.maxParallel;

/** What is gone need not be stopped or cancelled any more. */
async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
