/** Drain: empties a node, services first to where they go on, then tasks; and takes that back when it is not wanted. */
import { isFinished, type Migration } from '../../api/kinds/migration.ts';
import { type Template, volumesOf } from '../../api/kinds/template.ts';
import type { Reader } from '../../api/store.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import { commands } from './commands.ts';
import { type Facts, observe } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';
import { report } from './status.ts';

export const drainController: ControllerDefinition<'Node', Facts, Command, State> = {
  name: 'drain',
  kind: 'Node',
  watches: {
    Node: (node) => [node.metadata.name],
    Alloc: ({ spec }, reader) => thatDrain([spec.node, ...placesOf(spec.template, reader)], reader),
    Volume: ({ spec, status }, reader) => thatDrain([spec.node, status.node], reader),
    Migration: (migration, reader) =>
      thatDrain([migration.spec.node, migration.status.target, ...waitingFor(migration, reader)], reader),
  },
  observe,
  machine,
  commands,
  report,
  wakeAt: (facts) => facts.changesAtMs,
};

/** Where the volumes are that it mounts: one of another node may be what keeps them there. */
const placesOf = (template: Template, reader: Reader): (string | undefined)[] =>
  volumesOf(template).flatMap((name) => {
    const { spec, status } = reader.get('Volume', name) ?? {};
    return [spec?.node, status?.node];
  });

/** Of these nodes those that have a drain, or the rest of one. */
const thatDrain = (names: Iterable<string | undefined>, reader: Reader): string[] =>
  [...new Set(names)].filter((name) => {
    const node = name === undefined ? undefined : reader.get('Node', name);
    return node !== undefined && (node.spec.drain || node.status.drain !== undefined);
  }) as string[];

/**
 * When a move ends, its service's budget has room again: the nodes that may wait for it are those with allocs of
 * that service. As many as the service has replicas are looked at, never the fleet.
 */
function waitingFor(migration: Migration, reader: Reader): string[] {
  const { name } = migration.metadata;
  const isOver = isFinished(migration) || !reader.get('Migration', name);
  const service = isOver ? reader.get('Service', migration.spec.service) : undefined;
  if (!service) return [];
  return reader.byIndex('Alloc', 'owner', service.metadata.uid).map((alloc) => alloc.spec.node);
}
