/** Objects of one kind by name, listed in the order of their names: a whole kind, or one key of an index. */
import type { AnyObject } from '../../api/kinds/index.ts';

/** Objects that merely changed are put into a copy of the last list, unless they are more than this share of it. */
const MOST_CHANGED_SHARE = 1 / 8;
const MOST_CHANGED_ANYWAY = 16;

/**
 * A change costs O(1). A list costs one pass where something came or went since the last one, and sorts only the names
 * that are new. Where objects merely changed it costs a copy of the last list, which is a hundred times cheaper.
 */
export class Collection {
  readonly #byName = new Map<string, AnyObject>();
  /** Sorted names as of the last list; absent before the first one. May hold names that are gone. */
  #names: readonly string[] | undefined;
  #added: string[] = NO_NAMES;
  #removed = false;
  /** The last list, while nothing came or went. */
  #objects: readonly AnyObject[] | undefined;
  /** Of objects that changed since. */
  #changed: string[] = NO_NAMES;

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): AnyObject | undefined {
    return this.#byName.get(name);
  }

  set(object: AnyObject): void {
    const { name } = object.metadata;
    if (this.#names && !this.#byName.has(name)) {
      if (this.#added === NO_NAMES) this.#added = [];
      this.#added.push(name);
      this.#forgetList();
    } else if (this.#objects) this.#noteChanged(name);
    this.#byName.set(name, object);
  }

  delete(name: string): void {
    if (!this.#byName.delete(name)) return;
    this.#removed = true;
    this.#forgetList();
  }

  /** In no particular order. */
  values(): Iterable<AnyObject> {
    return this.#byName.values();
  }

  /** Sorted by name. The array is frozen, and stays as it is when the collection changes. */
  list(): readonly AnyObject[] {
    this.#objects = this.#objects ? this.#upToDate(this.#objects) : Object.freeze(this.#collect());
    this.#changed = NO_NAMES;
    return this.#objects;
  }

  #noteChanged(name: string): void {
    if (this.#changed === NO_NAMES) this.#changed = [];
    this.#changed.push(name);
    const most = Math.max(MOST_CHANGED_ANYWAY, this.size * MOST_CHANGED_SHARE);
    if (this.#changed.length > most) this.#forgetList();
  }

  #forgetList(): void {
    this.#objects = undefined;
    this.#changed = NO_NAMES;
  }

  #upToDate(list: readonly AnyObject[]): readonly AnyObject[] {
    if (this.#changed.length === 0) return list;
    const changed = this.#changed.flatMap((name) => this.#byName.get(name) ?? []);
    return replaced(list, changed) ?? Object.freeze(this.#collect());
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
    this.#added = NO_NAMES;
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
const NO_NAMES: string[] = [];

/**
 * A list with some objects in the place of those of the same names; undefined where it has none of such a name.
 * @param list sorted by name
 */
export function replaced<O extends AnyObject>(
  list: readonly O[],
  changed: readonly O[],
): readonly O[] | undefined {
  // Much faster than `slice` where the list is frozen (V8 11.3).
  const copy = [...list];
  for (const object of changed) {
    const index = indexOfName(list, object.metadata.name);
    if (index === undefined) return undefined;
    copy[index] = object;
  }
  return Object.freeze(copy);
}

function indexOfName(list: readonly AnyObject[], name: string): number | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle]?.metadata.name ?? '') < name) low = middle + 1;
    else high = middle;
  }
  return list[low]?.metadata.name === name ? low : undefined;
}
