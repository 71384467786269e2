/** What a drain does: it releases, creates, cancels, stops; and says what matters as events. */
import { deleteIfPresent } from '../../api/client/client.ts';
import { isApiError } from '../../api/errors.ts';
import type { AllocSpec } from '../../api/kinds/alloc.ts';
import type { CommandTable, Context } from '../../runtime/controller/controller.ts';
import type { Command } from './machine.ts';
import { describeDrained, describeFailures } from './messages.ts';

/** A plan with more allocs without a place than this is told in one event. */
const MAX_EVENTS = 10;

export const commands: CommandTable<'Node', Command> = {
  async announceStart(_params, { object, events }) {
    const { reason } = object.spec.drainPolicy;
    const why = reason === undefined ? '' : `: ${reason}`;
    events.normal(object, 'DrainStarted', `the drain of node ${object.metadata.name} has begun${why}`);
  },

  async announceNoPlace({ failures }, { object, reader, events }) {
    const name = object.metadata.name;
    if (failures.length > MAX_EVENTS) {
      events.warning(object, 'NoPlace', `${failures.length} allocs of node ${name} have no place elsewhere`);
      return;
    }
    for (const { service, alloc, message } of failures) {
      const regarding = reader.get('Service', service) ?? object;
      events.warning(regarding, 'NoPlace', `alloc ${alloc} cannot leave ${name}: ${message}`);
    }
  },

  async announceDrained(_params, { object, events }) {
    events.normal(object, 'DrainCompleted', describeDrained(object));
  },

  async announceFailure({ failures }, { object, events }) {
    events.warning(object, 'DrainFailed', describeFailures(failures));
  },

  async announceCancelled(_params, { object, events }) {
    events.normal(object, 'DrainCancelled', `the drain of node ${object.metadata.name} was cancelled`);
  },

  releaseVolumes: ({ names }, { client }) =>
    each(names, (name) => client.patch('Volume', name, { spec: { node: null } })),

  deleteMigrations: ({ names }, { client }) =>
    each(names, (name) => deleteIfPresent(client, 'Migration', name)),

  async createMigrations({ allocs }, { object, client }) {
    const { attempt } = object.spec.drainPolicy;
    await Promise.all(
      allocs.map(async ({ metadata, spec: { owner, node } }) => {
        const spec = { alloc: metadata.name, service: owner.name, node, reason: 'drain', attempt };
        try {
          await client.create({ kind: 'Migration', metadata: { name: metadata.name }, spec });
        } catch (error) {
          // The service's budget was taken at this very moment, or the service went: the end of either is a change
          // that brings this node back.
          if (!isApiError(error, 'Invalid') && !isApiError(error, 'AlreadyExists')) throw error;
        }
      }),
    );
  },

  cancelMigrations: ({ names }, { client }) =>
    each(names, (name) => client.patch('Migration', name, { spec: { cancelled: true } })),

  forceServices: ({ names }, context) => stopAllocs(names, 'DrainForced', context),

  stopTasks: ({ names }, context) => stopAllocs(names, 'NodeDrained', context),
};

const stopAllocs = (
  names: readonly string[],
  stopReason: NonNullable<AllocSpec['stopReason']>,
  { client }: Context,
): Promise<void> =>
  each(names, (name) => client.patch('Alloc', name, { spec: { desired: 'stopped', stopReason } }));

/** All at once: the store commits together what waits together. What is gone meanwhile needs nothing any more. */
async function each(names: readonly string[], write: (name: string) => Promise<unknown>): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      try {
        await write(name);
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    }),
  );
}
