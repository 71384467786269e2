/** Owners and what depends on them: an object takes its dependents along when it goes (Kubernetes' garbage collection). */

import { timestamp } from '../clock.ts';
import { type AnyObject, KIND_NAMES, type KindName, OWNER_UID_INDEX } from '../kinds/index.ts';
import { API_VERSION, type ObjectMeta, type OwnerReference } from '../meta.ts';
import type { Reader, Write } from '../store.ts';

export interface RemovalOptions {
  readonly nowMs: number;
  /** Dependents stay, without the reference to their owner. */
  readonly orphan?: boolean | undefined;
}

/**
 * The writes that take an object away now, whatever finalizers it had, its dependents with it: those with
 * finalizers are asked to go, those with another living owner lose the reference only.
 */
export function removalWrites(state: Reader, object: AnyObject, options: RemovalOptions): Write[] {
  const gone = new Map([[object.metadata.uid, object]]);
  const changed = new Map<string, AnyObject>();
  // A Map iterates over what is added meanwhile, too: dependents of dependents.
  for (const ownerUid of gone.keys()) {
    for (const dependent of dependentsOf(state, ownerUid)) {
      const { uid } = dependent.metadata;
      if (gone.has(uid)) continue;
      const owners = (dependent.metadata.ownerReferences ?? []).filter((owner) => !gone.has(owner.uid));
      if (options.orphan || owners.some((owner) => isAlive(state, owner))) {
        changed.set(uid, withMetadata(dependent, { ownerReferences: owners }));
      } else if (dependent.metadata.finalizers?.length) {
        if (!dependent.metadata.deletionTimestamp) {
          changed.set(uid, withMetadata(dependent, { deletionTimestamp: timestamp(options.nowMs) }));
        }
      } else {
        changed.delete(uid);
        gone.set(uid, dependent);
      }
    }
  }
  return [
    ...[...gone.values()].map(({ kind, metadata }): Write => ({ type: 'delete', kind, name: metadata.name })),
    ...[...changed.values()].map((dependent): Write => ({ type: 'put', object: dependent })),
  ];
}

/** True where the owner that a reference means is there; of a foreign kind it is taken to be. */
export function isAlive(state: Reader, owner: OwnerReference): boolean {
  if (owner.apiVersion !== API_VERSION) return true;
  const kind = KIND_NAMES.find((name): name is KindName => name === owner.kind);
  return kind !== undefined && state.get(kind, owner.name)?.metadata.uid === owner.uid;
}

/** The same object with some of its metadata replaced. */
export const withMetadata = <O extends AnyObject>(object: O, change: Partial<ObjectMeta>): O => ({
  ...object,
  metadata: { ...object.metadata, ...change },
});

const dependentsOf = (state: Reader, ownerUid: string): AnyObject[] =>
  KIND_NAMES.flatMap((kind) => [...state.byIndex(kind, OWNER_UID_INDEX, ownerUid)] as AnyObject[]);
