/** Peer: gives each node of the mesh an address of its own, and clears away peers whose node is gone. */
import type { Peer } from '../../api/kinds/peer.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import { commands } from './commands.ts';
import { type Facts, observe } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';
import { report } from './status.ts';

export const peerController: ControllerDefinition<'Peer', Facts, Command, State> = {
  name: 'peer',
  kind: 'Peer',
  watches: {
    // And those that share its address, should there be any.
    Peer: (peer, reader) => [
      peer.metadata.name,
      ...peer.spec.allowedIPs.flatMap((address) => reader.byIndex('Peer', 'address', address)).map(nameOf),
    ],
    // News only when it goes (and when it comes back before its peer was cleared away).
    Node: (node, reader) =>
      reader.get('Node', node.metadata.name)
        ? []
        : reader.byIndex('Peer', 'node', node.metadata.name).map(nameOf),
  },
  observe,
  machine,
  commands,
  report,
  // One at a time: the address that one takes is seen by the next.
  concurrency: 1,
};

const nameOf = (peer: Peer): string => peer.metadata.name;
