/** The alloc controller of an agent: makes the processes on its node be what its allocs say. */
import { volumesOf } from '../../api/kinds/template.ts';
import type { Reader } from '../../api/store.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import { allocCommands } from './commands.ts';
import { allocFacts, type Facts, type Mounts } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';
import { allocStatus } from './status.ts';
import type { Supervisor } from './supervisor.ts';

export interface AllocControllerOptions {
  readonly node: string;
  readonly supervisor: Supervisor;
  readonly mounts: Mounts & {
    /** Calls back with the name of a volume that was mounted, unmounted, or could not be. */
    onChange(listener: (volume: string) => void, signal: AbortSignal): void;
  };
  /** What its source shows: the allocs of this node only, and the volumes attached to it. */
  readonly reader: Reader;
}

export function createAllocController({
  node,
  supervisor,
  mounts,
  reader: here,
}: AllocControllerOptions): ControllerDefinition<'Alloc', Facts, Command, State> {
  return {
    name: 'alloc',
    kind: 'Alloc',
    watches: {
      Alloc: (alloc) => [alloc.metadata.name],
      Volume: (volume) => mountersOf(volume.metadata.name, here),
    },
    listen(enqueue, signal) {
      supervisor.onChange((changed) => {
        enqueue(changed);
        // Who waits until it has let go of a volume.
        const template = here.get('Alloc', changed)?.spec.template;
        for (const volume of template ? volumesOf(template) : [])
          for (const alloc of mountersOf(volume, here)) enqueue(alloc);
      }, signal);
      mounts.onChange((volume) => {
        for (const alloc of mountersOf(volume, here)) enqueue(alloc);
      }, signal);
      supervisor.onFence(() => {
        for (const alloc of here.list('Alloc')) enqueue(alloc.metadata.name);
      }, signal);
    },
    observe(alloc, { reader, nowMs }) {
      const { address, isFenced } = supervisor;
      const { name } = alloc.metadata;
      const supervision = supervisor.view(name);
      const userOf = (volume: string) => supervisor.userOf(volume, name);
      return allocFacts(alloc, reader, mounts, { node, address, isFenced, supervision, userOf }, nowMs);
    },
    machine,
    commands: allocCommands(supervisor, mounts),
    report: allocStatus,
    wakeAt: ({ reportAtMs }) => reportAtMs,
    forget: (alloc) => supervisor.remove(alloc),
  };
}

const mountersOf = (volume: string, reader: Reader): string[] =>
  reader.byIndex('Alloc', 'volume', volume).map((alloc) => alloc.metadata.name);
