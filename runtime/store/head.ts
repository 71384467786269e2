/** What is decided: the state that readers see, and over it the commits on their way to the log, which can be taken back. */
import {
  type AnyObject,
  isEphemeral,
  type KindName,
  kindDefinition,
  type ObjectOf,
} from '../../api/kinds/index.ts';
import type { Change, Reader } from '../../api/store.ts';
import { replaced } from './collection.ts';
import type { MutableState } from './state.ts';

/** What commits on their way do to one kind. */
interface Pending {
  /** By name, the last one. */
  readonly changes: Map<string, Change>;
  changedAt: number;
}

/**
 * Costs what is on its way, and nothing for what is in the log: there is no second copy of the state. A list is put together
 * anew where something of its kind is on its way.
 */
export class Head implements Reader {
  readonly #state: MutableState;
  readonly #pending = new Map<KindName, Pending>();
  /** What is on its way, in the order in which it was decided. */
  #decided: Change[] = [];
  /** Of what was decided last, unless it was taken back. */
  #decidedRevision = 0;
  /** When each kind was changed is not known further back. */
  #knownFrom = 0;

  /** @param state that readers see; what is on its way comes into it before it is settled */
  constructor(state: MutableState) {
    this.#state = state;
  }

  get revision(): number {
    return Math.max(this.#decidedRevision, this.#state.revision);
  }

  revisionOf(kind: KindName): number {
    return (isEphemeral(kind) ? this.#state.ephemeralRevision : undefined) ?? this.revision;
  }

  get<K extends KindName>(kind: K, name: string): ObjectOf<K> | undefined {
    const pending = this.#pending.get(kind)?.changes.get(name);
    return pending ? (leftBy(pending) as ObjectOf<K> | undefined) : this.#state.get(kind, name);
  }

  list<K extends KindName>(kind: K): readonly ObjectOf<K>[] {
    return this.#overlaid(kind, this.#state.list(kind), () => true);
  }

  byIndex<K extends KindName>(kind: K, index: string, key: string): readonly ObjectOf<K>[] {
    const keysOf = kindDefinition(kind).indexes[index];
    return this.#overlaid(
      kind,
      this.#state.byIndex(kind, index, key),
      (object) => keysOf?.(object).includes(key) === true,
    );
  }

  count(kind: KindName): number {
    let count = this.#state.count(kind);
    for (const [name, change] of this.#pending.get(kind)?.changes ?? []) {
      count += Number(leftBy(change) !== undefined) - Number(this.#state.get(kind, name) !== undefined);
    }
    return count;
  }

  /** Revision at which an object of the kind was last changed here, or deleted; or a later one. */
  changedAt(kind: KindName): number {
    const pending = this.#pending.get(kind)?.changedAt ?? 0;
    return Math.max(this.#knownFrom, this.#state.changedAt(kind), pending);
  }

  /** Begins with the state as it is, and nothing on its way. What was read before this counts as changed. */
  reset(): void {
    this.rollBack();
    this.#knownFrom = this.#state.revision;
  }

  /** A commit was decided; it can be taken back until `settle`. */
  decide(changes: readonly Change[], revision: number): void {
    for (const change of changes) {
      const { kind, metadata } = change.object;
      const pending = this.#pendingOf(kind);
      pending.changes.set(metadata.name, change);
      pending.changedAt = change.revision;
      this.#decided.push(change);
    }
    this.#decidedRevision = revision;
  }

  /** The first `changes` of what was decided are in the log, and in the state. */
  settle(changes: number): void {
    for (const change of this.#decided.splice(0, changes)) {
      const { kind, metadata } = change.object;
      const pending = this.#pending.get(kind)?.changes;
      // What was decided later stands over it.
      if (pending?.get(metadata.name) === change) pending.delete(metadata.name);
      if (pending?.size === 0) this.#pending.delete(kind);
    }
  }

  /** Takes back all that is not settled. */
  rollBack(): void {
    this.#pending.clear();
    this.#decided = [];
    this.#decidedRevision = 0;
  }

  #pendingOf(kind: KindName): Pending {
    let pending = this.#pending.get(kind);
    if (!pending) {
      pending = { changes: new Map(), changedAt: 0 };
      this.#pending.set(kind, pending);
    }
    return pending;
  }

  /** @param shown what the state has @param belongs whether one that is on its way is among what is asked for */
  #overlaid<K extends KindName>(
    kind: K,
    shown: readonly ObjectOf<K>[],
    belongs: (object: AnyObject) => boolean,
  ): readonly ObjectOf<K>[] {
    const pending = this.#pending.get(kind)?.changes;
    if (!pending) return shown;
    const left = [...pending.values()]
      .map(leftBy)
      .filter((object) => object !== undefined && belongs(object)) as ObjectOf<K>[];
    // Most changes are to what is there, and stays.
    const sameNames = left.length === pending.size ? replaced(shown, left) : undefined;
    if (sameNames) return sameNames;
    const kept = shown.filter(({ metadata }) => !pending.has(metadata.name));
    if (left.length === 0) return kept.length === shown.length ? shown : Object.freeze(kept);
    return Object.freeze([...kept, ...left].sort(byName));
  }
}

const leftBy = ({ type, object }: Change): AnyObject | undefined => (type === 'deleted' ? undefined : object);

const byName = (one: AnyObject, other: AnyObject): number =>
  one.metadata.name < other.metadata.name ? -1 : one.metadata.name > other.metadata.name ? 1 : 0;
