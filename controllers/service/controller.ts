/** Service: keeps the wanted number of replicas placed, replaces those that fail, and updates those that are outdated. */
import { isTerminal } from '../../api/kinds/alloc.ts';
import { isFinished } from '../../api/kinds/migration.ts';
import { isSchedulable } from '../../api/kinds/node.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import { commands } from './commands.ts';
import { type Facts, factsOf } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';
import { statusOf } from './status.ts';

export function createServiceController(): ControllerDefinition<'Service', Facts, Command, State> {
  // Services that wait for room, so that a change of the fleet concerns only them. Filled again when this process
  // starts: then every service is looked at once.
  const waiting = new Set<string>();
  return {
    name: 'service',
    kind: 'Service',
    watches: {
      Service: (service) => [service.metadata.name],
      Alloc: (alloc) => {
        const { owner } = alloc.spec;
        const own = owner.kind === 'Service' ? [owner.name] : [];
        // What is over, whoever's it was, leaves room.
        return isTerminal(alloc) ? [...own, ...waiting] : own;
      },
      // Only its end matters, and that it is gone: its steps are the migration controller's.
      Migration: (migration, reader) =>
        isFinished(migration) || !reader.get('Migration', migration.metadata.name)
          ? [migration.spec.service]
          : [],
      Node: (node) => (isSchedulable(node) ? waiting : []),
      Volume: (volume, reader) =>
        reader
          .byIndex('Service', 'volume', volume.metadata.name)
          .map((service) => service.metadata.name)
          .filter((name) => waiting.has(name)),
    },
    observe(service, { reader, nowMs }) {
      const facts = factsOf(service, reader, nowMs);
      const { name } = service.metadata;
      if (facts.unplaced) waiting.add(name);
      else waiting.delete(name);
      return facts;
    },
    machine,
    commands,
    report: statusOf,
    wakeAt({ backingOff, updates }) {
      const times = backingOff.map((each) => each.untilMs);
      if (updates.retryAtMs !== undefined) times.push(updates.retryAtMs);
      return times.length ? times.reduce((a, b) => Math.min(a, b)) : undefined;
    },
    forget: (name) => void waiting.delete(name),
  };
}
