/** JSON Merge Patch (RFC 7386). */
import { isPlainObject } from '../../validation/plain.ts';

/** The target with the patch applied: a new value that shares with both what did not change. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isPlainObject(patch)) return patch;
  const result: Record<string, unknown> = isPlainObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field];
    else result[field] = mergePatch(Object.hasOwn(result, field) ? result[field] : undefined, value);
  }
  return result;
}
