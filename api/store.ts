/**
 * What mill asks of a store. The engines (`runtime/store/`) implement it; one conformance suite tests them all.
 *
 * Promises: commits are totally ordered by revision; `decide` runs against the state at the position where
 * its writes land; what was acknowledged is never lost and what was not is never half there; a watch has no
 * gap and no repeat.
 */
import type { AnyObject, KindName, ObjectOf } from './kinds/index.ts';

/** Read access to objects, indexed. Objects are frozen and shared: never change one. */
export interface Reader {
  /** Store revision that this view shows. */
  readonly revision: number;
  get<K extends KindName>(kind: K, name: string): ObjectOf<K> | undefined;
  /** All objects of a kind, sorted by name. */
  list<K extends KindName>(kind: K): readonly ObjectOf<K>[];
  /** Objects of a kind by one of the indexes that its kind file declares, e.g. ('Alloc', 'node', 'node-3'). */
  byIndex<K extends KindName>(kind: K, index: string, key: string): readonly ObjectOf<K>[];
  /** How many objects a kind has. */
  count(kind: KindName): number;
}

/** One write of a commit. `put` carries the whole new object; the store sets its resourceVersion. */
export type Write =
  | { readonly type: 'put'; readonly object: AnyObject }
  | { readonly type: 'delete'; readonly kind: KindName; readonly name: string };

/** What `decide` gives back: the writes (none: nothing is committed) and a value for the caller. */
export interface Decision<T> {
  readonly writes: readonly Write[];
  readonly result: T;
}

export interface Committed<T> {
  readonly result: T;
  /** Revision of the commit's last write; the current revision where there was none. */
  readonly revision: number;
  /** The objects as written, with their new resourceVersion, in the order of the writes; deletes are left out. */
  readonly objects: readonly AnyObject[];
}

/** Who commits; rules and authorization judge by it. */
export interface Actor {
  /** `system:node:<name>` for an agent, `system:controller:<name>`, `system:gateway:<name>`, or an operator's name. */
  readonly user: string;
  readonly groups: readonly string[];
  /** For an agent: uid of the `Node` that its credential was given for. */
  readonly nodeUid?: string;
}

/** One change. A delete carries the last object, with the revision of the delete as its resourceVersion. */
export type Change =
  | {
      readonly type: 'added' | 'modified';
      readonly object: AnyObject;
      readonly old?: AnyObject;
      readonly revision: number;
    }
  | { readonly type: 'deleted'; readonly object: AnyObject; readonly revision: number };

export interface WatchOptions {
  /** Only these kinds; all if absent. */
  readonly kinds?: readonly KindName[];
  /** Changes after this revision. Absent: after the current one. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

/**
 * The rules that every commit must pass, whoever writes; given to the engine when it opens, so that no write
 * goes around them.
 * @param before the state at the position where the writes land
 * @throws ApiError where a rule says no: nothing is written
 */
export type Admission = (before: Reader, writes: readonly Write[], actor: Actor) => void;

export interface Store {
  /** The committed state, always current. */
  readonly state: Reader;
  /**
   * Runs `decide` against the state where its writes land, checks the rules, and resolves when the commit
   * cannot be lost any more and `state` shows it.
   * @throws what `decide` or a rule throws (nothing was written); ApiError `ServiceUnavailable` where the store cannot commit now
   */
  commit<T>(actor: Actor, decide: (state: Reader) => Decision<T>): Promise<Committed<T>>;
  /**
   * Calls back for every change after `options.after`, in order, without a gap.
   * Synchronous fan-out: a callback must return at once. Ends with the signal.
   * @throws ApiError `Expired` where `after` is older than the history kept
   */
  subscribe(options: WatchOptions, onChange: (change: Change) => void): void;
  close(): Promise<void>;
}
