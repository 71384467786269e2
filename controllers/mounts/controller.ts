/** The mounts controller of an agent: mounts the volumes that its allocs need, and lets go of those that leave. */
import { volumesOf } from '../../api/kinds/template.ts';
import type { Reader } from '../../api/store.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import { mountCommands } from './commands.ts';
import { type Facts, mountFacts } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';
import type { MountTable } from './table.ts';

/** What it needs to know of the processes on its node. */
export interface Writers {
  readonly isFenced: boolean;
  /** True while a process has the volume open. */
  isUsing(volume: string): boolean;
  /** Kills the processes that have it open; resolves when they are gone. */
  cutOff(volume: string): Promise<void>;
  onChange(listener: (alloc: string) => void, signal: AbortSignal): void;
  onFence(listener: () => void, signal: AbortSignal): void;
}

export interface MountsControllerOptions {
  readonly node: string;
  readonly table: MountTable;
  readonly writers: Writers;
  /** What its source shows: the volumes attached to this node only. */
  readonly reader: Reader;
}

/** It has no status of its own: its commands write `status.mounted`. */
export function createMountsController({
  node,
  table,
  writers,
  reader: here,
}: MountsControllerOptions): ControllerDefinition<'Volume', Facts, Command, State> {
  const volumesOfAlloc = (name: string) => {
    const alloc = here.get('Alloc', name);
    return alloc ? volumesOf(alloc.spec.template) : [];
  };
  return {
    name: 'mounts',
    kind: 'Volume',
    watches: {
      Volume: (volume) => [volume.metadata.name],
      Alloc: (alloc) => volumesOf(alloc.spec.template),
    },
    listen(enqueue, signal) {
      writers.onChange((alloc) => {
        for (const volume of volumesOfAlloc(alloc)) enqueue(volume);
      }, signal);
      writers.onFence(() => {
        for (const volume of here.list('Volume')) enqueue(volume.metadata.name);
      }, signal);
    },
    observe(volume, { reader }) {
      const { name } = volume.metadata;
      return mountFacts(volume, reader, {
        node,
        isFenced: writers.isFenced,
        isUsed: writers.isUsing(name),
        isMounted: table.isMounted(volume.metadata),
        isHeld: table.holds(name),
      });
    },
    machine,
    commands: mountCommands(table, (volume) => writers.isUsing(volume)),
    // It is attached to this node no more. A writer that is left was given up long ago, and must not go on.
    async forget(volume) {
      await writers.cutOff(volume);
      await table.unmountByName(volume);
    },
  };
}
