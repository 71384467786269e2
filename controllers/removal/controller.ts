/** Removal: takes an empty node out of the fleet, so that nothing of it is left and nobody reaches it any more. */
import { isLeaving } from '../../api/kinds/node.ts';
import type { Reader } from '../../api/store.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import { commands } from './commands.ts';
import { type Facts, observe } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';

/** It has no status of its own: what it does is to be seen by what is gone. */
export const removalController: ControllerDefinition<'Node', Facts, Command, State> = {
  name: 'removal',
  kind: 'Node',
  watches: {
    // One that is down is not waited for any more.
    Node: (node, reader) => {
      if (isLeaving(node)) return [node.metadata.name];
      return node.status.phase === 'down' ? leaving(reader) : [];
    },
    Alloc: (alloc, reader) => ifLeaving(alloc.spec.node, reader),
    Migration: (migration, reader) => ifLeaving(migration.spec.node, reader),
    // All that leave: those that wait for this node's word need not any more.
    Credential: (credential, reader) =>
      credential.spec.revoked ? leaving(reader) : ifLeaving(credential.spec.node, reader),
    Peer: (peer, reader) => ifLeaving(peer.spec.node, reader),
    // An acknowledgement. Heartbeats are many, and nodes that leave are few: mostly there are none.
    Lease: (lease, reader) => (lease.spec.holder === 'agent' ? leaving(reader) : []),
  },
  observe,
  machine,
  commands,
};

const leaving = (reader: Reader): string[] =>
  reader.byIndex('Node', 'removing', 'true').map((node) => node.metadata.name);

function ifLeaving(name: string, reader: Reader): string[] {
  const node = reader.get('Node', name);
  return node && isLeaving(node) ? [name] : [];
}
