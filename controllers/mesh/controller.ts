/** The mesh controller of an agent: keeps its node in the network mesh, and says how far it has followed the peers. */
import type { KindName } from '../../api/kinds/index.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import type { Mesh } from '../../runtime/mesh/mesh.ts';
import { meshCommands } from './commands.ts';
import { type Facts, meshFacts } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';

export interface MeshControllerOptions {
  readonly node: string;
  readonly mesh: Mesh;
  /** How far its source has come. */
  readonly progress: {
    /** True once every peer was listed. */
    readonly isSynced: boolean;
    revisionOf(kind: KindName): number;
  };
  /** Told each revision of the peers that the mesh has come to. */
  readonly onApplied: (revision: number) => void;
}

/** Its key is the agent's own node; when that is gone, the mesh is taken down. It has no status of its own. */
export function createMeshController({
  node,
  mesh,
  progress,
  onApplied,
}: MeshControllerOptions): ControllerDefinition<'Node', Facts, Command, State> {
  let appliedRevision = 0;
  return {
    name: 'mesh',
    kind: 'Node',
    watches: { Node: ({ metadata }) => [metadata.name], Peer: () => [node] },
    async observe(object, { reader }) {
      const identity = await mesh.identity();
      const { isSynced } = progress;
      return meshFacts(object, reader, {
        isSynced,
        identity,
        revision: progress.revisionOf('Peer'),
        appliedRevision,
      });
    },
    machine,
    commands: meshCommands(mesh, (revision) => {
      appliedRevision = revision;
      onApplied(revision);
    }),
    forget: () => mesh.tearDown(),
  };
}
