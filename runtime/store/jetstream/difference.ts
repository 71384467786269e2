/** What has to change in a state for it to show what another shows. */
import { isEphemeral, KIND_NAMES } from '../../../api/kinds/index.ts';
import type { Change } from '../../../api/store.ts';
import { atRevision } from '../frozen.ts';
import type { MutableState } from '../state.ts';

/** Lasting kinds only. First what is gone, as of the other's revision, then the rest in the order of its revisions. */
export function difference(from: MutableState, to: MutableState): readonly Change[] {
  const gone: Change[] = [];
  const there: Change[] = [];
  for (const kind of KIND_NAMES) {
    if (isEphemeral(kind)) continue;
    for (const object of from.values(kind)) {
      if (to.get(kind, object.metadata.name)) continue;
      gone.push({ type: 'deleted', object: atRevision(object, to.revision), revision: to.revision });
    }
    for (const object of to.values(kind)) {
      const old = from.get(kind, object.metadata.name);
      const revision = Number(object.metadata.resourceVersion);
      if (old?.metadata.resourceVersion === object.metadata.resourceVersion) continue;
      there.push(old ? { type: 'modified', object, old, revision } : { type: 'added', object, revision });
    }
  }
  return [...there.sort((a, b) => a.revision - b.revision), ...gone];
}
