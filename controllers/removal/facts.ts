/** What a removal is judged by: the traces that the node still has in the fleet, and who still knows its peer. */
import { isTerminal } from '../../api/kinds/alloc.ts';
import { nodeLeaseName } from '../../api/kinds/lease.ts';
import { isLeaving, type Node } from '../../api/kinds/node.ts';
import type { Peer } from '../../api/kinds/peer.ts';
import type { Reader } from '../../api/store.ts';
import type { Context } from '../../runtime/controller/controller.ts';

export interface Facts {
  /** It is to be taken out of the fleet. A rule has seen to it that nothing ran on it then. */
  readonly isWanted: boolean;
  /** Its deletion was asked for, and waits for the finalizer. */
  readonly isDeleting: boolean;
  /** Names of its allocs that are over, and how many are not. */
  readonly allocs: readonly string[];
  readonly activeAllocs: number;
  readonly migrations: readonly string[];
  /** Its agent could still prove itself. */
  readonly isCredentialValid: boolean;
  readonly peers: readonly string[];
  /** Those that no mesh was told to drop yet. */
  readonly publishedPeers: readonly string[];
  /** A node that is up and has not said yet that it dropped the peer. */
  readonly awaited: string | undefined;
}

const STAYS: Facts = {
  isWanted: false,
  isDeleting: false,
  allocs: [],
  activeAllocs: 0,
  migrations: [],
  isCredentialValid: false,
  peers: [],
  publishedPeers: [],
  awaited: undefined,
};

export function observe(node: Node, { reader }: Pick<Context, 'reader'>): Facts {
  if (!isLeaving(node)) return STAYS;
  const { name } = node.metadata;
  const allocs = reader.byIndex('Alloc', 'node', name);
  const over = allocs.filter(isTerminal);
  const credential = reader.get('Credential', name);
  const peers = reader.byIndex('Peer', 'node', name);
  const published = peers.filter((peer) => !peer.spec.withdrawn);
  return {
    isWanted: true,
    isDeleting: node.metadata.deletionTimestamp !== undefined,
    allocs: over.map(nameOf),
    activeAllocs: allocs.length - over.length,
    migrations: reader.byIndex('Migration', 'node', name).map(nameOf),
    isCredentialValid: credential !== undefined && !credential.spec.revoked,
    peers: peers.map(nameOf),
    publishedPeers: published.map(nameOf),
    awaited: published.length > 0 ? undefined : awaitedNode(name, peers, reader),
  };
}

/**
 * The first node that is up, and stays, whose mesh has not come to the revision at which the peers were withdrawn. Its lease does not say
 * whether it is up: it may have run out, or be lost, while nobody could renew one. Only one is looked for: with thousands of nodes that
 * acknowledge one after the other, to count them each time would cost.
 */
function awaitedNode(name: string, peers: readonly Peer[], reader: Reader): string | undefined {
  const revision = Math.max(0, ...peers.map((peer) => Number(peer.metadata.resourceVersion)));
  return reader.list('Node').find(({ metadata, status }) => {
    const node = metadata.name;
    if (node === name || status.phase === 'down') return false;
    const applied = reader.get('Lease', nodeLeaseName(node))?.spec.appliedRevision ?? 0;
    // One that is on its way out as well cannot say anything any more: it drops its whole mesh.
    return applied < revision && !reader.get('Credential', node)?.spec.revoked;
  })?.metadata.name;
}

const nameOf = ({ metadata }: { readonly metadata: { readonly name: string } }): string => metadata.name;
