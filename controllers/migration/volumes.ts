/** Where the volumes of a migration are: at the original's node, at the target, or on their way. */
import type { Volume } from '../../api/kinds/volume.ts';
import type { Reader } from '../../api/store.ts';

export type Whereabouts =
  /** Of some it is not even recorded that they are wanted there. */
  | 'away'
  /** All are wanted there, and some are not attached yet. */
  | 'asked'
  /** All are wanted and attached there; also where there are none. */
  | 'there';

export function whereabouts(names: readonly string[], node: string | undefined, reader: Reader): Whereabouts {
  if (toAskFor(names, node, reader).length > 0) return 'away';
  return names.every((name) => isAttached(reader.get('Volume', name), node)) ? 'there' : 'asked';
}

/** The volumes whose wanted node has to be changed; one that does not exist cannot be asked for. */
export const toAskFor = (names: readonly string[], node: string | undefined, reader: Reader): string[] =>
  names.filter((name) => {
    const volume = reader.get('Volume', name);
    return volume !== undefined && volume.spec.node !== node;
  });

/** Why a volume cannot be handed on, in words. */
export function volumeTrouble(names: readonly string[], reader: Reader): string | undefined {
  for (const name of names) {
    const volume = reader.get('Volume', name);
    if (!volume) return `volume ${name} does not exist`;
    if (volume.metadata.deletionTimestamp) return `volume ${name} is being deleted`;
    if (volume.status.phase === 'failed') {
      return `volume ${name} failed: ${volume.status.message ?? 'its driver gave no reason'}`;
    }
  }
  return undefined;
}

const isAttached = (volume: Volume | undefined, node: string | undefined): boolean =>
  volume?.status.phase === 'attached' && volume.status.node === node;
