/** What must hold of nodes, their credentials and their peers (invariants 2, 7 and 8). */
import { isTerminal } from '../kinds/alloc.ts';
import { isLeaving } from '../kinds/node.ts';
import { problemOf, stateCheck } from './check.ts';

export const emptyWhenLeaving = stateCheck(
  'A node that is being removed has no alloc that is not over, and no volume.',
  function* (state) {
    for (const node of state.list('Node')) {
      if (!isLeaving(node)) continue;
      const { name } = node.metadata;
      const path = node.spec.removed ? 'spec.removed' : 'metadata.deletionTimestamp';
      for (const alloc of state.byIndex('Alloc', 'node', name)) {
        if (!isTerminal(alloc))
          yield problemOf(node, path, `alloc ${alloc.metadata.name} is ${alloc.status.phase} on it`);
      }
      for (const volume of state.byIndex('Volume', 'node', name)) {
        if (volume.status.node === name)
          yield problemOf(node, path, `volume ${volume.metadata.name} is attached to it`);
      }
    }
  },
);

export const credentialsDie = stateCheck(
  'A credential that is not revoked is of a node that exists, of that very one.',
  function* (state) {
    for (const credential of state.list('Credential')) {
      const { node: name, nodeUid, revoked } = credential.spec;
      if (revoked) continue;
      const node = state.get('Node', name);
      if (!node)
        yield problemOf(credential, 'spec.node', `node ${name} does not exist, and it is not revoked`);
      else if (node.metadata.uid !== nodeUid) {
        yield problemOf(
          credential,
          'spec.nodeUid',
          `it is of an earlier node ${name}, and it is not revoked`,
        );
      }
    }
  },
);

export const peersHaveNodes = stateCheck('A peer of the mesh is of a node that exists.', function* (state) {
  for (const peer of state.list('Peer')) {
    if (!state.get('Node', peer.spec.node))
      yield problemOf(peer, 'spec.node', `node ${peer.spec.node} does not exist`);
  }
});

export const meshAddresses = stateCheck('No two peers have the same address in the mesh.', function* (state) {
  const peers = new Map<string, string>();
  for (const peer of state.list('Peer')) {
    for (const [index, address] of peer.spec.allowedIPs.entries()) {
      const other = peers.get(address);
      if (other) yield problemOf(peer, `spec.allowedIPs[${index}]`, `peer ${other} has ${address} as well`);
      else peers.set(address, peer.metadata.name);
    }
  }
});
