/** A mesh that only remembers: for nodes that share a machine, which reach each other anyway. */
import type { Mesh, MeshConfiguration } from './mesh.ts';

const KEY_BYTES = 32;

export interface MemoryMeshOptions {
  /** 0 ≤ n < 1. The key protects nothing. */
  readonly random: () => number;
  readonly endpoint?: string;
}

export interface MemoryMesh extends Mesh {
  /** What was applied last; undefined before, and after it was taken down. */
  readonly configuration: MeshConfiguration | undefined;
}

export function createMemoryMesh({ random, endpoint }: MemoryMeshOptions): MemoryMesh {
  const key = Buffer.from(Array.from({ length: KEY_BYTES }, () => Math.floor(random() * 256)));
  const identity = { publicKey: key.toString('base64'), ...(endpoint === undefined ? {} : { endpoint }) };
  let configuration: MeshConfiguration | undefined;
  return {
    get configuration() {
      return configuration;
    },
    identity: async () => identity,
    async apply(wanted) {
      configuration = wanted;
    },
    async tearDown() {
      configuration = undefined;
    },
  };
}
