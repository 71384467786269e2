/** What a decision was based on, so that another server can tell whether it still holds where it is to be committed. */
import { type AnyObject, isEphemeral, type KindName, type ObjectOf } from '../../../api/kinds/index.ts';
import type { Reader } from '../../../api/store.ts';
import type { Head } from '../head.ts';

export interface ReadSet {
  /** Revision of the state that was read. */
  readonly revision: number;
  /** Objects, with their resourceVersion; empty: it was not there. */
  readonly objects: readonly (readonly [kind: KindName, name: string, version: string])[];
  /** Keys of indexes, with the number of objects under them. */
  readonly keys: readonly (readonly [kind: KindName, index: string, key: string, count: number])[];
  /** Kinds that were read whole. */
  readonly kinds: readonly KindName[];
}

/** A reader that remembers what was read. Leases are no part of the log, and of no read-set. */
export class RecordingReader implements Reader {
  readonly #reader: Reader;
  readonly #objects = new Map<string, readonly [KindName, string, string]>();
  readonly #keys = new Map<string, readonly [KindName, string, string, number]>();
  readonly #kinds = new Set<KindName>();

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  get revision(): number {
    return this.#reader.revision;
  }

  revisionOf(kind: KindName): number {
    return this.#reader.revisionOf(kind);
  }

  get<K extends KindName>(kind: K, name: string): ObjectOf<K> | undefined {
    const object = this.#reader.get(kind, name);
    if (!isEphemeral(kind)) this.#objects.set(`${kind}/${name}`, [kind, name, versionOf(object)]);
    return object;
  }

  list<K extends KindName>(kind: K): readonly ObjectOf<K>[] {
    this.#readWhole(kind);
    return this.#reader.list(kind);
  }

  byIndex<K extends KindName>(kind: K, index: string, key: string): readonly ObjectOf<K>[] {
    const objects = this.#reader.byIndex(kind, index, key);
    if (!isEphemeral(kind)) this.#keys.set(`${kind}/${index}/${key}`, [kind, index, key, objects.length]);
    return objects;
  }

  count(kind: KindName): number {
    this.#readWhole(kind);
    return this.#reader.count(kind);
  }

  readSet(): ReadSet {
    return {
      revision: this.revision,
      objects: [...this.#objects.values()],
      keys: [...this.#keys.values()],
      kinds: [...this.#kinds],
    };
  }

  #readWhole(kind: KindName): void {
    if (!isEphemeral(kind)) this.#kinds.add(kind);
  }
}

/** True where the head shows all that was read as it was read. */
export function holds({ revision, objects, keys, kinds }: ReadSet, head: Head): boolean {
  return (
    kinds.every((kind) => head.changedAt(kind) <= revision) &&
    objects.every(([kind, name, version]) => versionOf(head.get(kind, name)) === version) &&
    // Whatever was added or changed since has a later revision, and without that only fewer can be left.
    keys.every(([kind, index, key, count]) => {
      const found = head.byIndex(kind, index, key);
      return found.length === count && found.every((object) => Number(versionOf(object)) <= revision);
    })
  );
}

const versionOf = (object: AnyObject | undefined): string => object?.metadata.resourceVersion ?? '';
