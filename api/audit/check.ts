/** What must hold of the objects of one moment, in any state that was ever committed. */
import type { AnyObject } from '../kinds/index.ts';
import type { Reader } from '../store.ts';

/** Something that is not as it must be. */
export interface Problem {
  /** `alloc/web-0`; empty where it is about the store itself. */
  readonly object: string;
  /** Where in the object, e.g. `status.node`; empty where it is about all of it. */
  readonly path: string;
  /** What is wrong, in words. */
  readonly message: string;
}

export interface StateCheck {
  /** A sentence for the documentation. */
  readonly says: string;
  problems(state: Reader): Iterable<Problem>;
}

export const stateCheck = (says: string, problems: (state: Reader) => Iterable<Problem>): StateCheck => ({
  says,
  problems,
});

export const problemOf = ({ kind, metadata }: AnyObject, path: string, message: string): Problem => ({
  object: `${kind.toLowerCase()}/${metadata.name}`,
  path,
  message,
});
