/** Objects of one kind by name, listed in the order of their names: a whole kind, or one key of an index. */
import type { AnyObject } from '../../api/kinds/index.ts';

/**
 * A change costs O(1). A list costs one pass where something changed since the last one, and sorts only the names
 * that are new; an object that merely changed moves nothing.
 */
export class Collection {
  readonly #byName = new Map<string, AnyObject>();
  /** Sorted names as of the last list; absent before the first one. May hold names that are gone. */
  #names: readonly string[] | undefined;
  #added: string[] = NONE_ADDED;
  #removed = false;
  #objects: readonly AnyObject[] | undefined;

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): AnyObject | undefined {
    return this.#byName.get(name);
  }

  set(object: AnyObject): void {
    const { name } = object.metadata;
    if (this.#names && !this.#byName.has(name)) {
      if (this.#added === NONE_ADDED) this.#added = [];
      this.#added.push(name);
    }
    this.#byName.set(name, object);
    this.#objects = undefined;
  }

  delete(name: string): void {
    if (!this.#byName.delete(name)) return;
    this.#removed = true;
    this.#objects = undefined;
  }

  /** In no particular order. */
  values(): Iterable<AnyObject> {
    return this.#byName.values();
  }

  /** Sorted by name. The array is frozen, and stays as it is when the collection changes. */
  list(): readonly AnyObject[] {
    this.#objects ??= Object.freeze(this.#collect());
    return this.#objects;
  }

  #collect(): AnyObject[] {
    const objects: AnyObject[] = [];
    for (const name of this.#sortedNames()) {
      const object = this.#byName.get(name);
      if (object) objects.push(object);
    }
    return objects;
  }

  #sortedNames(): readonly string[] {
    if (!this.#names) this.#names = [...this.#byName.keys()].sort();
    else if (this.#removed || this.#added.length > 0)
      this.#names = this.#merge(this.#names, this.#added.sort());
    this.#added = NONE_ADDED;
    this.#removed = false;
    return this.#names;
  }

  /** One pass over two sorted lists. A name may be in both, or twice in one: it was deleted and created again. */
  #merge(left: readonly string[], right: readonly string[]): readonly string[] {
    const merged: string[] = [];
    const add = (name: string) => {
      if (merged[merged.length - 1] !== name && this.#byName.has(name)) merged.push(name);
    };
    let next = 0;
    for (const name of left) {
      for (let other = right[next]; other !== undefined && other <= name; other = right[++next]) add(other);
      add(name);
    }
    for (; next < right.length; next++) add(right[next] ?? '');
    return merged;
  }
}

/** Most collections are keys of an index, never listed and never changed: they share one empty array. */
const NONE_ADDED: string[] = [];
