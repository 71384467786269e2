/** Migration: takes one alloc of a service off its node, its replacement serving first. */
import type { Alloc } from '../../api/kinds/alloc.ts';
import { isFinished, type Migration } from '../../api/kinds/migration.ts';
import type { Reader } from '../../api/store.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import { commands } from './commands.ts';
import { type Facts, observe } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';
import { report } from './status.ts';

export const migrationController: ControllerDefinition<'Migration', Facts, Command, State> = {
  name: 'migration',
  kind: 'Migration',
  watches: {
    Migration: (migration) => [migration.metadata.name],
    Alloc: migrationsOf,
    Volume: (volume, reader) =>
      reader.byIndex('Alloc', 'volume', volume.metadata.name).flatMap((alloc) => migrationsOf(alloc, reader)),
    // Only the node that it goes to: what becomes of the one it leaves is seen in the original.
    Node: (node, reader) => reader.byIndex('Migration', 'target', node.metadata.name).map(nameOf),
    // Its budget and its deadlines are read when they are needed; that it goes is news.
    Service: (service, reader) =>
      service.metadata.deletionTimestamp || !reader.get('Service', service.metadata.name)
        ? reader.byIndex('Migration', 'service', service.metadata.name).filter(isOpen).map(nameOf)
        : [],
  },
  observe,
  machine,
  commands,
  report,
  wakeAt: (facts) => facts.changesAtMs,
};

/** The open migration that an alloc is the original or the replacement of, if any. */
function migrationsOf(alloc: Alloc, reader: Reader): string[] {
  const names = [alloc.metadata.name, ...(alloc.spec.replaces ? [alloc.spec.replaces] : [])];
  return names.filter((name) => {
    const migration = reader.get('Migration', name);
    return migration !== undefined && isOpen(migration);
  });
}

const isOpen = (migration: Migration): boolean => !isFinished(migration);
const nameOf = (migration: Migration): string => migration.metadata.name;
