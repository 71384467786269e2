/** A rule of the store: a small predicate over one write, evaluated at the log position where the write lands. */
import { ApiError } from '../errors.ts';
import type { AnyObject, KindName, ObjectOf } from '../kinds/index.ts';
import type { Actor, Reader } from '../store.ts';

/** One write as a rule sees it: `old` absent: it creates; `next` absent: it deletes. */
export interface Proposal<K extends KindName = KindName> {
  readonly before: Reader;
  readonly actor: Actor;
  readonly old: ObjectOf<K> | undefined;
  readonly next: ObjectOf<K> | undefined;
}

/** What a rule has against a write: where in the object, and why, in words for a user. */
export interface Objection {
  readonly field: string;
  readonly message: string;
  /** For programs, where another than that of its kind. */
  readonly reason?: string;
}

export interface Rule<K extends KindName = KindName> {
  /** The kind whose writes it judges. */
  readonly kind: K;
  /** A sentence for the documentation. */
  readonly says: string;
  check(proposal: Proposal<K>): Objection | undefined;
}

/** A rule for one kind, in the form in which rules of all kinds stand in one table. */
export function rule<K extends KindName>(
  kind: K,
  says: string,
  check: (proposal: Proposal<K>) => Objection | undefined,
): Rule {
  return { kind, says, check } as unknown as Rule;
}

/** The error that a refused write answers. */
export function refusal(object: AnyObject, objection: Objection): ApiError {
  const { kind, metadata } = object;
  return new ApiError('Invalid', `${kind.toLowerCase()} "${metadata.name}": ${objection.message}`, {
    kind,
    name: metadata.name,
    causes: [{ ...objection, reason: 'FieldValueForbidden' }],
  });
}
