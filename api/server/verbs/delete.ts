/** Deleting: at once, or, where finalizers wait, by a mark that asks them to let go. */

import { timestamp } from '../../clock.ts';
import { conflict } from '../../errors.ts';
import type { AnyObject, KindName, ObjectOf } from '../../kinds/index.ts';
import type { Actor, Reader } from '../../store.ts';
import { type Core, commitDecision, existing, type WriteParameters } from '../commit.ts';
import { removalWrites, withMetadata } from '../owners.ts';
import { anotherObject } from './update.ts';

export interface DeleteParameters extends WriteParameters {
  /** Refused with Conflict where the object has another uid. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  /** What it owns stays. */
  readonly orphan?: boolean | undefined;
}

export interface Deleted<K extends KindName> {
  /** The object as it was last, or as it waits for its finalizers. */
  readonly object: ObjectOf<K>;
  /** False while finalizers hold it. */
  readonly gone: boolean;
}

export async function deleteObject<K extends KindName>(
  core: Core,
  actor: Actor,
  kind: K,
  name: string,
  parameters: DeleteParameters,
): Promise<Deleted<K>> {
  const { result, objects } = await commitDecision(core, actor, kind, parameters, (state) => {
    const current: ObjectOf<K> = existing(state, kind, name);
    checkPreconditions(current, parameters);
    return decideDeletion(state, current, core.clock.now(), parameters.orphan);
  });
  const marked = result.marked ? objects[0] : undefined;
  return { object: (marked as ObjectOf<K> | undefined) ?? result.object, gone: result.gone };
}

function decideDeletion<O extends AnyObject>(state: Reader, current: O, nowMs: number, orphan?: boolean) {
  if (!current.metadata.finalizers?.length) {
    const writes = removalWrites(state, current, { nowMs, orphan });
    return { writes, result: { object: current, gone: true, marked: false } };
  }
  if (current.metadata.deletionTimestamp) {
    return { writes: [], result: { object: current, gone: false, marked: false } };
  }
  const object = withMetadata(current, { deletionTimestamp: timestamp(nowMs) });
  return { writes: [{ type: 'put' as const, object }], result: { object, gone: false, marked: true } };
}

function checkPreconditions(current: AnyObject, { uid, resourceVersion }: DeleteParameters): void {
  if (uid !== undefined && uid !== current.metadata.uid) throw anotherObject(current);
  if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(current.kind, current.metadata.name);
  }
}
