/** What the alloc controller does: starts and stops the alloc's process. Each begins it; its end is heard of. */
import type { Client } from '../../api/client/client.ts';
import { isApiError } from '../../api/errors.ts';
import type { Alloc } from '../../api/kinds/alloc.ts';
import type { CommandTable } from '../../runtime/controller/controller.ts';
import { type Mounts, mountedVolumes } from './facts.ts';
import type { Command } from './machine.ts';
import type { Supervisor } from './supervisor.ts';

export function allocCommands(supervisor: Supervisor, mounts: Mounts): CommandTable<'Alloc', Command> {
  return {
    async killWorkload({ graceMs }, { object }) {
      supervisor.stop(object.metadata.name, graceMs, 'cleared');
    },
    async stopWorkload({ graceMs, purpose }, { object, client }) {
      if (await recordStopping(object, client)) supervisor.stop(object.metadata.name, graceMs, purpose);
    },
    async startWorkload(_, { object }) {
      supervisor.start(object, mountedVolumes(object, mounts));
    },
  };
}

/**
 * Revision-checked, before the process is touched: an agent that was cut off may judge by what is long over, such as a
 * suspension that was taken back. From this write on nobody routes to the alloc until its agent reports it healthy.
 * @returns false where it changed meanwhile: that brings it back here
 */
async function recordStopping({ metadata, spec, status }: Alloc, client: Client): Promise<boolean> {
  if (spec.owner.kind !== 'Service' || status.phase !== 'healthy') return true;
  const { name, resourceVersion } = metadata;
  const patch = { metadata: { resourceVersion }, status: { phase: 'stopping' } };
  try {
    await client.patch('Alloc', name, patch, { subresource: 'status' });
    return true;
  } catch (error) {
    if (isApiError(error, 'Conflict') || isApiError(error, 'NotFound')) return false;
    throw error;
  }
}
