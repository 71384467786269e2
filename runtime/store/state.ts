/** All objects in memory, indexed as their kinds declare: what engines, informers and tests read. */
import {
  type AnyObject,
  isEphemeral,
  KIND_NAMES,
  type KindName,
  kindDefinition,
  type ObjectOf,
} from '../../api/kinds/index.ts';
import type { Change, Reader } from '../../api/store.ts';
import { Collection } from './collection.ts';
import { deepFreeze } from './frozen.ts';

/** A change costs as much as the object has index keys, however many objects there are. */
export class MutableState implements Reader {
  /** Set by whoever feeds the state. */
  revision = 0;
  /** Revision of the ephemeral kinds, in an engine that counts them apart; set by whoever feeds the state. */
  ephemeralRevision: number | undefined;
  readonly #kinds = new Map<KindName, KindState>(KIND_NAMES.map((kind) => [kind, new KindState(kind)]));

  get<K extends KindName>(kind: K, name: string): ObjectOf<K> | undefined {
    return this.#kind(kind).objects.get(name) as ObjectOf<K> | undefined;
  }

  list<K extends KindName>(kind: K): readonly ObjectOf<K>[] {
    return this.#kind(kind).objects.list() as readonly ObjectOf<K>[];
  }

  /** Sorted by name. @throws RangeError where the kind declares no such index */
  byIndex<K extends KindName>(kind: K, index: string, key: string): readonly ObjectOf<K>[] {
    return this.#kind(kind).byIndex(index, key) as readonly ObjectOf<K>[];
  }

  revisionOf(kind: KindName): number {
    return (isEphemeral(kind) ? this.ephemeralRevision : undefined) ?? this.revision;
  }

  count(kind: KindName): number {
    return this.#kind(kind).objects.size;
  }

  /** Objects of a kind in no particular order, without the cost of sorting. */
  values(kind: KindName): Iterable<AnyObject> {
    return this.#kind(kind).objects.values();
  }

  /** Creates or replaces, and freezes the object. @returns the one that it replaces */
  put(object: AnyObject): AnyObject | undefined {
    return this.#kind(object.kind).put(deepFreeze(object));
  }

  /** Absence is success. @returns the object that was there */
  remove(kind: KindName, name: string): AnyObject | undefined {
    return this.#kind(kind).remove(name);
  }

  /** Applies changes whose objects are frozen already; the revision becomes that of the last one. */
  apply(changes: readonly Change[]): void {
    for (const { type, object, revision } of changes) {
      const state = this.#kind(object.kind);
      if (type === 'deleted') state.remove(object.metadata.name);
      else state.put(object);
      state.changedAt = revision;
      if (this.ephemeralRevision !== undefined && isEphemeral(object.kind)) this.ephemeralRevision = revision;
      else this.revision = revision;
    }
  }

  /** Revision of the last change that was applied to a kind; 0 where there was none. */
  changedAt(kind: KindName): number {
    return this.#kind(kind).changedAt;
  }

  #kind(kind: KindName): KindState {
    const state = this.#kinds.get(kind);
    if (!state) throw new RangeError(`there is no kind "${kind}"`);
    return state;
  }
}

/** Runs an object through its kind's indexes. @throws where it is so malformed that an index cannot read it */
export function checkIndexable(object: AnyObject): void {
  for (const keysOf of Object.values(kindDefinition(object.kind).indexes)) keysOf(object);
}

interface Index {
  readonly keysOf: (object: AnyObject) => readonly string[];
  readonly byKey: Map<string, Collection>;
}

/** The objects of one kind, and its indexes. */
class KindState {
  readonly objects = new Collection();
  changedAt = 0;
  readonly #kind: KindName;
  readonly #indexes: ReadonlyMap<string, Index>;

  constructor(kind: KindName) {
    this.#kind = kind;
    this.#indexes = new Map(
      Object.entries(kindDefinition(kind).indexes).map(([name, keysOf]) => [
        name,
        { keysOf, byKey: new Map() },
      ]),
    );
  }

  byIndex(name: string, key: string): readonly AnyObject[] {
    const index = this.#indexes.get(name);
    if (!index) throw new RangeError(`kind ${this.#kind} has no index "${name}"`);
    return index.byKey.get(key)?.list() ?? NOTHING;
  }

  put(object: AnyObject): AnyObject | undefined {
    const old = this.objects.get(object.metadata.name);
    this.objects.set(object);
    for (const index of this.#indexes.values()) {
      const keys = index.keysOf(object);
      if (old) dropFrom(index, old, keys);
      for (const key of keys) addTo(index, key, object);
    }
    return old;
  }

  remove(name: string): AnyObject | undefined {
    const old = this.objects.get(name);
    if (!old) return undefined;
    this.objects.delete(name);
    for (const index of this.#indexes.values()) dropFrom(index, old, NOTHING);
    return old;
  }
}

const NOTHING: readonly never[] = Object.freeze([]);

function addTo(index: Index, key: string, object: AnyObject): void {
  let collection = index.byKey.get(key);
  if (!collection) {
    collection = new Collection();
    index.byKey.set(key, collection);
  }
  collection.set(object);
}

/** Takes the old object out of the keys that it does not keep. */
function dropFrom(index: Index, old: AnyObject, kept: readonly string[]): void {
  for (const key of index.keysOf(old)) {
    if (kept.includes(key)) continue;
    const collection = index.byKey.get(key);
    collection?.delete(old.metadata.name);
    if (collection?.size === 0) index.byKey.delete(key);
  }
}
