/** What the task controller does: gives a task its alloc, stops it, and lets the task go. */
import { isApiError } from '../../api/errors.ts';
import type { CommandTable } from '../../runtime/controller/controller.ts';
import { newAlloc } from '../placement/new-alloc.ts';
import type { Command } from './machine.ts';

const FINALIZER = 'mill.dev/task';

export const commands: CommandTable<'Task', Command> = {
  // A refusal means that the fleet changed since it was looked at: thrown, so that it is looked at again.
  async createAlloc({ node }, { client, object, random }) {
    await client.create(newAlloc({ owner: object, node, random }));
  },

  async stopAlloc({ alloc, reason }, { client, object, events }) {
    try {
      await client.patch('Alloc', alloc, { spec: { desired: 'stopped', stopReason: reason } });
      if (reason === 'TimedOut') events.warning(object, reason, `it ran longer than ${object.spec.timeout}`);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  },

  async releaseTask(_params, { client, object }) {
    const { name, resourceVersion, finalizers = [] } = object.metadata;
    const rest = finalizers.filter((finalizer) => finalizer !== FINALIZER);
    try {
      await client.patch('Task', name, { metadata: { resourceVersion, finalizers: rest } });
    } catch (error) {
      // It changed meanwhile, which brings it back; or it is gone, which is what was wanted.
      if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
    }
  },
};
