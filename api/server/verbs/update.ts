/** Replacing an object: its metadata and spec, or its status; each leaves the other alone. */
import { ApiError, conflict, invalid } from '../../errors.ts';
import type { AnyObject, KindName, ObjectOf } from '../../kinds/index.ts';
import type { ObjectMeta, WrittenMeta } from '../../meta.ts';
import { sameJson } from '../../same-json.ts';
import type { Actor, Reader } from '../../store.ts';
import { type Checked, checkObject } from '../../validation/object.ts';
import { type Core, commitObject, existing, type ObjectDecision, type WriteParameters } from '../commit.ts';
import { removalWrites } from '../owners.ts';

export function updateObject<K extends KindName>(
  core: Core,
  actor: Actor,
  kind: K,
  name: string,
  written: unknown,
  parameters: WriteParameters,
): Promise<ObjectOf<K>> {
  const checked = checkObject(kind, written, ['metadata', 'spec']);
  return commitObject(core, actor, kind, parameters, (state) =>
    decideReplacement(state, existing(state, kind, name), checked, core.clock.now()),
  );
}

export function updateStatus<K extends KindName>(
  core: Core,
  actor: Actor,
  kind: K,
  name: string,
  written: unknown,
  parameters: WriteParameters,
): Promise<ObjectOf<K>> {
  const checked = checkObject(kind, written, ['status']);
  return commitObject(core, actor, kind, parameters, (state) =>
    decideStatus(existing(state, kind, name), checked),
  );
}

/** Metadata and spec as written; status and what the server sets stay. A write that changes nothing commits nothing. */
export function decideReplacement<O extends AnyObject>(
  state: Reader,
  current: O,
  written: Checked,
  nowMs: number,
): ObjectDecision<O> {
  checkSameObject(current, written.metadata);
  const specChanged = !sameJson(current.spec, written.spec);
  const metadata = replacedMetadata(current, written.metadata, specChanged);
  const object = { ...current, metadata, spec: specChanged ? written.spec : current.spec } as O;
  if (metadata.deletionTimestamp && !metadata.finalizers?.length) {
    return { writes: removalWrites(state, current, { nowMs }), object };
  }
  if (sameJson(object, current)) return { writes: [], object: current };
  return { writes: [{ type: 'put', object }], object };
}

/** The status as written; everything else stays. */
export function decideStatus<O extends AnyObject>(current: O, written: Checked): ObjectDecision<O> {
  checkSameObject(current, written.metadata);
  if (sameJson(current.status, written.status)) return { writes: [], object: current };
  const object = { ...current, status: written.status } as O;
  return { writes: [{ type: 'put', object }], object };
}

/** @throws ApiError where the write was made for another object, or for another revision of it */
function checkSameObject(current: AnyObject, written: WrittenMeta): void {
  const { kind } = current;
  const { name, uid, resourceVersion, creationTimestamp } = current.metadata;
  if (written.name !== name) {
    throw invalid(kind, name, [{ field: 'metadata.name', message: `cannot change (got "${written.name}")` }]);
  }
  if (written.uid && written.uid !== uid) throw anotherObject(current);
  if (written.resourceVersion && written.resourceVersion !== resourceVersion) throw conflict(kind, name);
  if (written.creationTimestamp && Date.parse(written.creationTimestamp) !== Date.parse(creationTimestamp)) {
    throw invalid(kind, name, [{ field: 'metadata.creationTimestamp', message: 'cannot change' }]);
  }
}

/** A conflict that reading again does not solve by itself: the name stands for another object now. */
export function anotherObject({ kind, metadata }: AnyObject): ApiError {
  const message = `${kind} "${metadata.name}" is another object now: it was deleted and created again (uid ${metadata.uid})`;
  return new ApiError('Conflict', message, { kind, name: metadata.name });
}

function replacedMetadata(current: AnyObject, written: WrittenMeta, specChanged: boolean): ObjectMeta {
  const { labels, annotations, finalizers, ownerReferences, ...kept } = current.metadata;
  // Who leaves finalizers out did not mean to cut the clean-up off; an empty list says so.
  const newFinalizers = [...new Set(written.finalizers ?? finalizers ?? [])];
  if (kept.deletionTimestamp) refuseNewFinalizers(current, newFinalizers);
  return {
    ...kept,
    generation: kept.generation + (specChanged ? 1 : 0),
    ...(written.labels && Object.keys(written.labels).length ? { labels: written.labels } : {}),
    ...(written.annotations && Object.keys(written.annotations).length
      ? { annotations: written.annotations }
      : {}),
    ...(newFinalizers.length ? { finalizers: newFinalizers } : {}),
    ...(written.ownerReferences?.length ? { ownerReferences: written.ownerReferences } : {}),
  };
}

function refuseNewFinalizers({ kind, metadata }: AnyObject, finalizers: readonly string[]): void {
  const added = finalizers.filter((finalizer) => !metadata.finalizers?.includes(finalizer));
  if (added.length === 0) return;
  const message = `the object is being deleted: no finalizer can be added (got ${added.join(', ')})`;
  throw invalid(kind, metadata.name, [
    { field: 'metadata.finalizers', message, reason: 'FieldValueForbidden' },
  ]);
}
