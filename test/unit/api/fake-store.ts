/** A small store in memory with the semantics of `api/store.ts`, for tests of what stands on a store. */
import { ApiError } from '../../../api/errors.ts';
import {
  type AnyObject,
  KIND_NAMES,
  type KindName,
  kindDefinition,
  type ObjectOf,
} from '../../../api/kinds/index.ts';
import type {
  Actor,
  Admission,
  Change,
  Committed,
  Decision,
  Reader,
  Store,
  StoreHealth,
  WatchOptions,
} from '../../../api/store.ts';

interface Subscriber {
  readonly kinds: readonly KindName[] | undefined;
  readonly onChange: (change: Change) => void;
}

export class FakeStore implements Store {
  readonly #objects = new Map<KindName, Map<string, AnyObject>>(KIND_NAMES.map((kind) => [kind, new Map()]));
  readonly #admission: Admission;
  readonly #subscribers = new Set<Subscriber>();
  #history: Change[] = [];
  /** What is older was forgotten. */
  #oldest = 0;
  #revision = 1;
  readonly state: Reader;
  /** Commits that wrote something. */
  commits = 0;
  /** Throws in place of the next commit. */
  failNext: Error | undefined;

  constructor(admission: Admission = () => {}) {
    this.#admission = admission;
    this.state = this.#reader();
  }

  async commit<T>(actor: Actor, decide: (state: Reader) => Decision<T>): Promise<Committed<T>> {
    // A turn of the loop, as a commit to a disk takes: what runs beside it gets its chance.
    await Promise.resolve();
    const { failNext } = this;
    this.failNext = undefined;
    if (failNext) throw failNext;
    const { writes, result } = decide(this.state);
    if (writes.length === 0) return { result, revision: this.#revision, objects: [] };
    this.#admission(this.state, writes, actor);
    this.commits += 1;
    const changes = writes.map((write): Change => {
      this.#revision += 1;
      const revision = this.#revision;
      const kind = write.type === 'put' ? write.object.kind : write.kind;
      const name = write.type === 'put' ? write.object.metadata.name : write.name;
      const objects = this.#objects.get(kind) ?? new Map<string, AnyObject>();
      const old = objects.get(name);
      if (write.type === 'delete') {
        if (!old) throw new Error(`nothing to delete: ${kind} ${name}`);
        objects.delete(name);
        return { type: 'deleted', object: stamped(old, revision), revision };
      }
      const object = stamped(write.object, revision);
      objects.set(name, object);
      return old ? { type: 'modified', object, old, revision } : { type: 'added', object, revision };
    });
    this.#history.push(...changes);
    for (const change of changes) {
      for (const { kinds, onChange } of [...this.#subscribers]) {
        if (!kinds || kinds.includes(change.object.kind)) onChange(change);
      }
    }
    const objects = changes.filter((change) => change.type !== 'deleted').map((change) => change.object);
    return { result, revision: this.#revision, objects };
  }

  subscribe(
    { kinds, after = this.#revision, signal }: WatchOptions,
    onChange: (change: Change) => void,
  ): void {
    if (after < this.#oldest) throw new ApiError('Expired', `revision ${after} is too old: list again`);
    if (signal?.aborted) return;
    for (const change of this.#history) {
      if (change.revision > after && (!kinds || kinds.includes(change.object.kind))) onChange(change);
    }
    const subscriber = { kinds, onChange };
    this.#subscribers.add(subscriber);
    signal?.addEventListener('abort', () => this.#subscribers.delete(subscriber), { once: true });
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** Forgets the history, as compaction does. */
  compact(): void {
    this.#history = [];
    this.#oldest = this.#revision;
  }

  health: StoreHealth = {};
  /** What a barrier waits for: that a copy catches up, or that a test says so. */
  onBarrier: () => Promise<void> = async () => {};
  barriers = 0;

  async barrier(): Promise<number> {
    this.barriers += 1;
    await this.onBarrier();
    return this.#revision;
  }

  async close(): Promise<void> {}

  #reader(): Reader {
    const store = this;
    const list = <K extends KindName>(kind: K): ObjectOf<K>[] =>
      [...(store.#objects.get(kind)?.values() ?? [])].sort((a, b) =>
        a.metadata.name < b.metadata.name ? -1 : 1,
      ) as ObjectOf<K>[];
    return {
      get revision() {
        return store.#revision;
      },
      revisionOf: () => store.#revision,
      get: <K extends KindName>(kind: K, name: string) =>
        store.#objects.get(kind)?.get(name) as ObjectOf<K> | undefined,
      list,
      byIndex: <K extends KindName>(kind: K, index: string, key: string) => {
        const keysOf = kindDefinition(kind).indexes[index];
        if (!keysOf) throw new Error(`${kind} has no index ${index}`);
        return list(kind).filter((object) => keysOf(object).includes(key));
      },
      count: (kind) => store.#objects.get(kind)?.size ?? 0,
    };
  }
}

function stamped(object: AnyObject, revision: number): AnyObject {
  const copy = structuredClone(object);
  return deepFreeze({
    ...copy,
    metadata: { ...copy.metadata, resourceVersion: String(revision) },
  }) as AnyObject;
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    for (const element of Object.values(value)) deepFreeze(element);
    Object.freeze(value);
  }
  return value;
}
