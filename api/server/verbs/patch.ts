/** Patching: the patch is applied to the object as it is at the commit, so that a conflict only arises where asked for. */
import { invalid } from '../../errors.ts';
import type { KindName, ObjectOf } from '../../kinds/index.ts';
import type { Actor } from '../../store.ts';
import { checkObject } from '../../validation/object.ts';
import { copyPlain, isPlainObject } from '../../validation/plain.ts';
import { type Core, commitObject, existing, type WriteParameters } from '../commit.ts';
import { applyJsonPatch, checkJsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import { decideReplacement, decideStatus } from './update.ts';

/** `merge`: RFC 7386; `json`: RFC 6902. */
export type PatchType = 'merge' | 'json';
type Parameters = WriteParameters & { readonly type: PatchType };

export function patchObject<K extends KindName>(
  core: Core,
  actor: Actor,
  kind: K,
  name: string,
  patch: unknown,
  parameters: Parameters,
): Promise<ObjectOf<K>> {
  const apply = preparePatch(kind, name, patch, parameters.type);
  return commitObject(core, actor, kind, parameters, (state) => {
    const current = existing(state, kind, name);
    const checked = checkObject(kind, apply(current), ['metadata', 'spec']);
    // A patch that takes the finalizers away says so: they are in what it was applied to.
    const metadata = { ...checked.metadata, finalizers: checked.metadata.finalizers ?? [] };
    return decideReplacement(state, current, { ...checked, metadata }, core.clock.now());
  });
}

export function patchStatus<K extends KindName>(
  core: Core,
  actor: Actor,
  kind: K,
  name: string,
  patch: unknown,
  parameters: Parameters,
): Promise<ObjectOf<K>> {
  const apply = preparePatch(kind, name, patch, parameters.type);
  return commitObject(core, actor, kind, parameters, (state) => {
    const current = existing(state, kind, name);
    return decideStatus(current, checkObject(kind, apply(current), ['status']));
  });
}

/**
 * Checks a patch as far as that goes without the object.
 * @returns what applies it: a new value, nothing is changed in place
 */
export function preparePatch(
  kind: KindName,
  name: string,
  patch: unknown,
  type: PatchType,
): (document: unknown) => unknown {
  const plain = copyPlain(patch, 'the patch');
  if (type === 'json') {
    const operations = checkJsonPatch(kind, name, plain);
    return (document) => applyJsonPatch(kind, name, document, operations);
  }
  if (!isPlainObject(plain))
    throw invalid(kind, name, [{ field: '', message: 'a merge patch must be an object' }]);
  return (document) => mergePatch(document, plain);
}
