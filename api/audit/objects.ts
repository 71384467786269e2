/** What must hold of objects of every kind. */
import { type AnyObject, KIND_NAMES } from '../kinds/index.ts';
import { isAlive } from '../server/owners.ts';
import type { Reader } from '../store.ts';
import { problemOf, stateCheck } from './check.ts';

export const uniqueUids = stateCheck('No two objects have the same uid.', function* (state) {
  const owners = new Map<string, AnyObject>();
  for (const object of everyObject(state)) {
    const { uid } = object.metadata;
    const other = owners.get(uid);
    if (other) {
      const name = `${other.kind.toLowerCase()}/${other.metadata.name}`;
      yield problemOf(object, 'metadata.uid', `${name} has the same (${uid})`);
    } else owners.set(uid, object);
  }
});

export const ownersExist = stateCheck(
  'The owners of an object exist, or the object is being deleted.',
  function* (state) {
    for (const object of everyObject(state)) {
      const { ownerReferences = [], deletionTimestamp } = object.metadata;
      // An owner that goes has its dependents deleted; those with finalizers outlive it.
      if (deletionTimestamp !== undefined) continue;
      for (const [index, owner] of ownerReferences.entries()) {
        if (isAlive(state, owner)) continue;
        const message = `${owner.kind} "${owner.name}" with uid ${owner.uid} does not exist`;
        yield problemOf(object, `metadata.ownerReferences[${index}]`, message);
      }
    }
  },
);

export const deletionsWait = stateCheck(
  'An object that is being deleted waits for a finalizer.',
  function* (state) {
    for (const object of everyObject(state)) {
      const { deletionTimestamp, finalizers = [] } = object.metadata;
      if (deletionTimestamp === undefined || finalizers.length > 0) continue;
      yield problemOf(object, 'metadata.deletionTimestamp', 'nothing holds it, and it is still there');
    }
  },
);

function* everyObject(state: Reader): Generator<AnyObject> {
  for (const kind of KIND_NAMES) yield* state.list(kind);
}
