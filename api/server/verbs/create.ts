/** Creating an object: what the server sets, defaults, the kind's finalizers, the initial status. */

import { timestamp } from '../../clock.ts';
import { ApiError, alreadyExists, invalid } from '../../errors.ts';
import { type AnyObject, type KindName, kindDefinition, type ObjectOf } from '../../kinds/index.ts';
import { API_VERSION, type ObjectMeta, type WrittenMeta } from '../../meta.ts';
import type { Actor, Reader } from '../../store.ts';
import { type Checked, checkObject } from '../../validation/object.ts';
import { authorize } from '../authz.ts';
import { type Core, commitObject, type WriteParameters } from '../commit.ts';
import { isAlive } from '../owners.ts';

export function createObject<K extends KindName>(
  core: Core,
  actor: Actor,
  kind: K,
  written: unknown,
  parameters: WriteParameters,
): Promise<ObjectOf<K>> {
  authorize(actor, 'create', kind, nameIn(written));
  const checked = checkObject(kind, written, ['metadata', 'spec']);
  if (checked.metadata.resourceVersion) {
    throw new ApiError('BadRequest', 'metadata.resourceVersion must not be set on an object to be created');
  }
  const object = newObject(core, kind, checked);
  return commitObject(core, actor, kind, parameters, (state) => {
    refuseExisting(state, kind, object.metadata.name);
    refuseDeadOwners(state, object);
    return { writes: [{ type: 'put', object }], object };
  });
}

/** A new object of what was checked, not in the store yet: its resourceVersion is empty. */
export function newObject<K extends KindName>(
  core: Core,
  kind: K,
  checked: Pick<Checked, 'metadata' | 'spec'>,
): ObjectOf<K> {
  const definition = kindDefinition(kind);
  const object: Pick<AnyObject, 'apiVersion' | 'metadata'> & {
    kind: KindName;
    spec: unknown;
    status: unknown;
  } = {
    apiVersion: API_VERSION,
    kind,
    metadata: newMetadata(core, checked.metadata, definition.finalizers ?? []),
    spec: checked.spec,
    status: definition.initialStatus,
  };
  // The kind's schema has checked the spec; TypeScript cannot follow a kind that is a variable.
  return object as ObjectOf<K>;
}

function newMetadata(core: Core, written: WrittenMeta, kindFinalizers: readonly string[]): ObjectMeta {
  const { name, labels, annotations, ownerReferences } = written;
  const finalizers = [...new Set([...(written.finalizers ?? []), ...kindFinalizers])];
  return {
    name,
    uid: core.identities.uid(),
    resourceVersion: '',
    generation: 1,
    creationTimestamp: timestamp(core.clock.now()),
    ...(labels && Object.keys(labels).length ? { labels } : {}),
    ...(annotations && Object.keys(annotations).length ? { annotations } : {}),
    ...(finalizers.length ? { finalizers } : {}),
    ...(ownerReferences?.length ? { ownerReferences } : {}),
  };
}

function refuseExisting(state: Reader, kind: KindName, name: string): void {
  const there = state.get(kind, name);
  if (!there) return;
  if (!there.metadata.deletionTimestamp) throw alreadyExists(kind, name);
  const message = `${kind} "${name}" is still being deleted; create it again when it is gone`;
  throw new ApiError('AlreadyExists', message, { kind, name });
}

/** Nobody would ever take away a dependent that comes after its owner went. */
function refuseDeadOwners(state: Reader, object: AnyObject): void {
  const { name, ownerReferences = [] } = object.metadata;
  const causes = ownerReferences.flatMap((owner, index) => {
    if (isAlive(state, owner)) return [];
    const message = `${owner.kind} "${owner.name}" with uid ${owner.uid} does not exist`;
    return [{ field: `metadata.ownerReferences[${index}]`, message }];
  });
  if (causes.length) throw invalid(object.kind, name, causes);
}

/** The name that a written object claims, for authorization before anything else is looked at. */
function nameIn(written: unknown): string | undefined {
  if (typeof written !== 'object' || written === null || !('metadata' in written)) return undefined;
  const { metadata } = written;
  if (typeof metadata !== 'object' || metadata === null || !('name' in metadata)) return undefined;
  return typeof metadata.name === 'string' ? metadata.name : undefined;
}
