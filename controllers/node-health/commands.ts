/** What node-health does: says that a node came or went, and ends the allocs of one that is down. */

import { timestamp } from '../../api/clock.ts';
import { isApiError } from '../../api/errors.ts';
import { isTerminal } from '../../api/kinds/alloc.ts';
import type { CommandTable, Context } from '../../runtime/controller/controller.ts';
import type { Command } from './machine.ts';

export const commands: CommandTable<'Node', Command> = {
  async announceUp(_params, { object, events }) {
    events.normal(object, 'NodeUp', `node ${object.metadata.name} is heard of`);
  },

  async announceDown({ lastHeartbeat }, { object, events }) {
    const since = lastHeartbeat === undefined ? '' : `; its last heartbeat was at ${lastHeartbeat}`;
    events.warning(object, 'NodeDown', `node ${object.metadata.name} is down${since}`);
  },

  async failAllocs({ allocs }, context) {
    const node = context.object.metadata.name;
    // All at once: the store commits what waits together.
    await Promise.all(allocs.map((name) => failAlloc(name, node, context)));
  },
};

async function failAlloc(name: string, node: string, { client, reader, nowMs }: Context): Promise<void> {
  const status = {
    phase: 'failed',
    reason: 'NodeDown',
    message: `node ${node} is down`,
    finishedAt: timestamp(nowMs),
  };
  try {
    await client.patch('Alloc', name, { status }, { subresource: 'status' });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return;
    // Refused because it ended by itself meanwhile: then it stays as it ended.
    const alloc = reader.get('Alloc', name);
    if (isApiError(error, 'Invalid') && (!alloc || isTerminal(alloc))) return;
    throw error;
  }
}
