/** The alloc controller of an agent: makes the processes on its node be what its allocs say. */
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
      supervisor.onChange(enqueue, signal);
      mounts.onChange((volume) => {
        for (const alloc of mountersOf(volume, here)) enqueue(alloc);
      }, signal);
      supervisor.onFence(() => {
        for (const alloc of here.list('Alloc')) enqueue(alloc.metadata.name);
      }, signal);
    },
    observe(alloc, { reader, nowMs }) {
      const { address, isFenced } = supervisor;
      const supervision = supervisor.view(alloc.metadata.name);
      return allocFacts(alloc, reader, mounts, { node, address, isFenced, supervision }, nowMs);
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
