/** How every verb commits: one decision, one object in the answer, and the dry run that writes nothing. */

import type { Clock } from '../clock.ts';
import { notFound } from '../errors.ts';
import type { AnyObject, KindName, ObjectOf } from '../kinds/index.ts';
import type { Actor, Admission, Committed, Decision, Reader, Store, Write } from '../store.ts';
import type { Identities } from './identities.ts';

/** What the verbs work with. */
export interface Core {
  readonly store: Store;
  readonly clock: Clock;
  readonly admission: Admission;
  readonly identities: Identities;
  readonly statistics: ServiceStatistics;
}

/** What the service counts for the metrics. */
export interface ServiceStatistics {
  commits: number;
  watchers: number;
}

export interface WriteParameters {
  /** Everything is checked and the answer is made, and nothing is written. */
  readonly dryRun?: boolean | undefined;
}

/** What a verb decided about its object. */
export interface ObjectDecision<O extends AnyObject = AnyObject> {
  /** The first write is the object's own; none where it stays as it is. */
  readonly writes: readonly Write[];
  /** The object as it will be; where it is deleted, as it was last. */
  readonly object: O;
}

/** Commits a decision about one object, and answers it with its new resourceVersion. */
export async function commitObject<O extends AnyObject>(
  core: Core,
  actor: Actor,
  kind: KindName,
  parameters: WriteParameters,
  decide: (state: Reader) => ObjectDecision<O>,
): Promise<O> {
  const { result, objects } = await commitDecision(core, actor, kind, parameters, (state) => {
    const { writes, object } = decide(state);
    return { writes, result: { object, stored: writes[0]?.type === 'put' } };
  });
  const stored = result.stored ? objects[0] : undefined;
  // The store gives back what was put, so it is of the kind that was put.
  return (stored as O | undefined) ?? result.object;
}

/**
 * Commits a decision; in a dry run the rules are asked and nothing is written.
 * @param kind of the object that it is about; with an ephemeral one nothing lasting is written
 */
export async function commitDecision<T>(
  core: Core,
  actor: Actor,
  kind: KindName,
  parameters: WriteParameters,
  decide: (state: Reader) => Decision<T>,
): Promise<Committed<T>> {
  if (!parameters.dryRun) {
    const committed = await core.store.commit(actor, decide, { kind });
    core.statistics.commits += 1;
    return committed;
  }
  const judge = (state: Reader): Decision<T> => {
    const { writes, result } = decide(state);
    if (writes.length) core.admission(state, writes, actor);
    return { writes: [], result };
  };
  return core.store.commit(actor, judge, { kind });
}

/** @throws ApiError NotFound */
export function existing<K extends KindName>(state: Reader, kind: K, name: string): ObjectOf<K> {
  const object = state.get(kind, name);
  if (!object) throw notFound(kind, name);
  return object;
}
