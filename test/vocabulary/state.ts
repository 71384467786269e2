/** States that begin with what another has. */
import { KIND_NAMES } from '../../api/kinds/index.ts';
import type { MutableState } from '../../runtime/store/state.ts';

/** Puts all objects of a state, which are frozen, into one that has none. */
export function copyState(from: MutableState, to: MutableState): void {
  for (const kind of KIND_NAMES) for (const object of from.values(kind)) to.put(object);
  to.revision = from.revision;
  to.ephemeralRevision = from.ephemeralRevision;
}
