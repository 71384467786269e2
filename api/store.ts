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
  /**
   * Revision up to which this view shows a kind: what a list of it says, and a watch of it resumes after. That of the
   * view, but for ephemeral kinds of an engine that counts those apart: revisions are compared within a kind only.
   */
  revisionOf(kind: KindName): number;
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
  /** Revision of the commit's last durable write, or else of its last write; the current one where there was none. */
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
  /** For a controller of several servers: the term that it runs by. Its commits are refused when another has begun. */
  readonly leadership?: { readonly name: string; readonly term: number };
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

/** What a commit will write, where its caller knows before it is decided. */
export interface CommitHint {
  /** It writes objects of this kind only, or nothing: where that is ephemeral, it waits for nothing lasting. */
  readonly kind?: KindName;
}

export interface Store {
  /** The committed state, always current. */
  readonly state: Reader;
  /**
   * Runs `decide` against the state where its writes land, checks the rules, and resolves when the commit
   * cannot be lost any more and `state` shows it.
   * @throws what `decide` or a rule throws (nothing was written); ApiError `ServiceUnavailable` where the store cannot commit now
   */
  commit<T>(actor: Actor, decide: (state: Reader) => Decision<T>, hint?: CommitHint): Promise<Committed<T>>;
  /**
   * Calls back for every change after `options.after`, in order, without a gap.
   * Synchronous fan-out: a callback must return at once. Ends with the signal.
   * @throws ApiError `Expired` where `after` is older than the history kept
   */
  subscribe(options: WatchOptions, onChange: (change: Change) => void): void;
  /** How the store is at this moment. */
  readonly health: StoreHealth;
  /**
   * Resolves to its revision when `state` shows everything that was acknowledged anywhere before the call: a read after
   * it is linearizable.
   * @throws ApiError `ServiceUnavailable` where that cannot be found out now
   */
  barrier(): Promise<number>;
  close(): Promise<void>;
}

export interface StoreHealth {
  /** Why nothing can be committed now, in a line; absent where it can. */
  readonly unwritable?: string;
  /** Since when `state` may be behind what others have committed, in ms since the epoch; absent where it is current. */
  readonly staleSinceMs?: number;
}
