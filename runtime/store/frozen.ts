/** Objects of a store are shared by everybody who reads them, so they are frozen to the last leaf when they enter. */
import type { AnyObject } from '../../api/kinds/index.ts';

/**
 * Freezes a value of plain data and all that it holds. Frozen parts are walked too: they may hold what is not.
 * @param known frozen to the last leaf; the parts that both have are passed over
 */
export function deepFreeze<T>(value: T, known?: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const key in value) {
      const part = value[key];
      if (typeof part === 'object' && part !== null && part !== known?.[key]) deepFreeze(part);
    }
    Object.freeze(value);
  }
  return value;
}

/** The same object as of another revision, frozen as far as it is new. */
export const atRevision = (object: AnyObject, revision: number): AnyObject =>
  deepFreeze(revised(object, revision), object);

/** The same object as of another revision; what is new of it is not frozen yet. */
export const revised = (object: AnyObject, revision: number): AnyObject => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String(revision) },
});
