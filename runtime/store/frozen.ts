/** Objects of a store are shared by everybody who reads them, so they are frozen to the last leaf when they enter. */
import type { AnyObject } from '../../api/kinds/index.ts';

/** Freezes a value of plain data and all that it holds. Frozen parts are walked too: they may hold what is not. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) {
      if (typeof part === 'object' && part !== null) deepFreeze(part);
    }
    Object.freeze(value);
  }
  return value;
}

/** The same object as of another revision, frozen as far as it is new. */
export function atRevision(object: AnyObject, revision: number): AnyObject {
  const metadata = Object.freeze({ ...object.metadata, resourceVersion: String(revision) });
  return Object.freeze({ ...object, metadata });
}
