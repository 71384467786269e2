/** What is decided: the state, and the commits on their way to the log, which can be taken back. */
import { type AnyObject, KIND_NAMES, type KindName } from '../../../api/kinds/index.ts';
import type { Change, Reader } from '../../../api/store.ts';
import { MutableState } from '../state.ts';

interface Undo {
  readonly kind: KindName;
  readonly name: string;
  readonly before: AnyObject | undefined;
  readonly kindChangedAt: number;
}

export class Head {
  #state = new MutableState();
  #undo: Undo[] = [];

  get reader(): Reader {
    return this.#state;
  }

  /** Revision at which an object of the kind was last changed here, or deleted. */
  changedAt(kind: KindName): number {
    return this.#state.changedAt(kind);
  }

  /** Begins from a state, with nothing on its way. */
  reset(state: MutableState): void {
    this.#state = new MutableState();
    this.#state.copyFrom(state);
    // When each kind was changed is not known any more: nothing that was read before this counts as unchanged.
    for (const kind of KIND_NAMES) this.#state.setChangedAt(kind, state.revision);
    this.#undo = [];
  }

  /** A commit was decided; it can be taken back until `settle`. */
  decide(changes: readonly Change[], revision: number): void {
    for (const change of changes) {
      const { kind, metadata } = change.object;
      const before = this.#state.get(kind, metadata.name);
      const kindChangedAt = this.#state.changedAt(kind);
      this.#undo.push({ kind, name: metadata.name, before, kindChangedAt });
      this.#state.apply([change]);
    }
    this.#state.revision = revision;
  }

  /** The first `changes` of what was decided are in the log. */
  settle(changes: number): void {
    this.#undo.splice(0, changes);
  }

  /** Takes back all that is not settled. */
  rollBack(revision: number): void {
    for (const { kind, name, before, kindChangedAt } of this.#undo.reverse()) {
      if (before) this.#state.put(before);
      else this.#state.remove(kind, name);
      this.#state.setChangedAt(kind, kindChangedAt);
    }
    this.#undo = [];
    this.#state.revision = revision;
  }

  /** Others committed; nothing of one's own is on its way. */
  follow(changes: readonly Change[], revision: number): void {
    this.#state.apply(changes);
    this.#state.revision = revision;
  }

  /** Ephemeral objects changed; they are counted apart. */
  followEphemeral(changes: readonly Change[]): void {
    this.#state.apply(changes);
  }
}
