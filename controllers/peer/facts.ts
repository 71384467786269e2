/** What a peer is judged by: whether its node is there, and whether its address is its own. */
import type { Peer } from '../../api/kinds/peer.ts';
import type { Reader } from '../../api/store.ts';
import { chooseAddress, isMeshAddress } from './addresses.ts';

export interface Facts {
  readonly hasNode: boolean;
  readonly isWithdrawn: boolean;
  /** It has an address that no older peer has. */
  readonly hasAddress: boolean;
  /** One that is free now; only where it needs one and one is left. */
  readonly freeAddress: string | undefined;
}

export function observe(peer: Peer, { reader }: { readonly reader: Reader }): Facts {
  const { node, withdrawn, allowedIPs } = peer.spec;
  const own = allowedIPs.filter(isMeshAddress);
  const hasAddress = own.length > 0 && own.every((address) => isSenior(peer, address, reader));
  const isFree = (address: string) => reader.byIndex('Peer', 'address', address).length === 0;
  return {
    hasNode: reader.get('Node', node) !== undefined,
    isWithdrawn: withdrawn,
    hasAddress,
    freeAddress: hasAddress || withdrawn ? undefined : chooseAddress(node, isFree),
  };
}

/** Should two peers ever get one address, from two servers at the same moment, the older one keeps it. */
const isSenior = (peer: Peer, address: string, reader: Reader): boolean =>
  reader.byIndex('Peer', 'address', address).every((other) => seniority(peer) <= seniority(other));

const seniority = ({ metadata }: Peer): string => `${metadata.creationTimestamp} ${metadata.name}`;
