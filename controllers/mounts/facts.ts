/** What the mounts controller judges by: where the volume is wanted, who needs it here, and who still writes to it. */
import { isTerminal } from '../../api/kinds/alloc.ts';
import type { Volume } from '../../api/kinds/volume.ts';
import type { Reader } from '../../api/store.ts';

export interface Facts {
  /** It is wanted here, and not about to be deleted. */
  readonly isStaying: boolean;
  /** An alloc here wants to run with it. */
  readonly isNeeded: boolean;
  /** A process here has it open. */
  readonly isUsed: boolean;
  /** The servers say that it is attached here. */
  readonly isAttached: boolean;
  /** The servers may have given this node up. */
  readonly isFenced: boolean;
  /** The status says that this node has it mounted. */
  readonly isRecorded: boolean;
  /** It is mounted, and that was confirmed. */
  readonly isMounted: boolean;
  /** There is something to unmount. */
  readonly isHeld: boolean;
}

/** What the node itself knows. */
export type Here = Pick<Facts, 'isUsed' | 'isFenced' | 'isMounted' | 'isHeld'> & { readonly node: string };

export function mountFacts({ metadata, spec, status }: Volume, reader: Reader, here: Here): Facts {
  const { node, ...known } = here;
  const mounters = reader
    .byIndex('Alloc', 'volume', metadata.name)
    .filter((alloc) => alloc.spec.node === node && !isTerminal(alloc));
  const isGoing = metadata.deletionTimestamp !== undefined && mounters.length === 0;
  return {
    ...known,
    isStaying: spec.node === node && !isGoing,
    isNeeded: mounters.some((alloc) => alloc.spec.desired === 'running'),
    isAttached: status.phase === 'attached' && status.node === node,
    isRecorded: status.mounted === true && status.node === node,
  };
}
