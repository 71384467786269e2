/** What the alloc controller does: starts and stops the alloc's process. Each begins it; its end is heard of. */
import type { CommandTable } from '../../runtime/controller/controller.ts';
import { type Mounts, mountedVolumes } from './facts.ts';
import type { Command } from './machine.ts';
import type { Supervisor } from './supervisor.ts';

export function allocCommands(supervisor: Supervisor, mounts: Mounts): CommandTable<'Alloc', Command> {
  return {
    async killWorkload({ graceMs }, { object }) {
      supervisor.stop(object.metadata.name, graceMs, 'cleared');
    },
    async stopWorkload({ graceMs, purpose }, { object }) {
      supervisor.stop(object.metadata.name, graceMs, purpose);
    },
    async startWorkload(_, { object }) {
      supervisor.start(object, mountedVolumes(object, mounts));
    },
  };
}
