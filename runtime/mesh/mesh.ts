/** What an agent asks of the network mesh between the nodes (WireGuard, or one that only remembers). */

export interface MeshPeer {
  readonly node: string;
  /** 32 bytes in base64. */
  readonly publicKey: string;
  /** `host:port`; absent: it calls us. */
  readonly endpoint?: string;
  readonly allowedIPs: readonly string[];
}

export interface MeshIdentity {
  /** 32 bytes in base64; the private key never leaves the node. */
  readonly publicKey: string;
  readonly endpoint?: string;
}

/** How the mesh is to be: whole, never a difference. */
export interface MeshConfiguration {
  /** The node's own addresses in the mesh; none until it was given one. */
  readonly addresses: readonly string[];
  /** All the other nodes. */
  readonly peers: readonly MeshPeer[];
}

export interface Mesh {
  /** Under which the other nodes know this one; the same for as long as its key is kept. */
  identity(): Promise<MeshIdentity>;
  /** Makes the mesh be so, touching only what differs; peers that an earlier agent left go, too. Idempotent. */
  apply(configuration: MeshConfiguration): Promise<void>;
  /** Takes the mesh down: no peer, no address is left. Idempotent. */
  tearDown(): Promise<void>;
}
