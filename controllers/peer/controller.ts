/** Peer: gives each node of the mesh an address of its own, and clears away peers whose node is gone. */
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import { commands } from './commands.ts';
import { type Facts, observe } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';
import { report } from './status.ts';

export const peerController: ControllerDefinition<'Peer', Facts, Command, State> = {
  name: 'peer',
  kind: 'Peer',
  watches: {
    Peer: (peer) => [peer.metadata.name],
    // News only when it goes (and when it comes back before its peer was cleared away).
    Node: (node, reader) =>
      reader.get('Node', node.metadata.name)
        ? []
        : reader.byIndex('Peer', 'node', node.metadata.name).map((peer) => peer.metadata.name),
  },
  observe,
  machine,
  commands,
  report,
  // One at a time: the address that one takes is seen by the next.
  concurrency: 1,
};
