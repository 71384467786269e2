/** Fencing: who led in an earlier term writes nothing any more, however late it notices. */
import { ApiError } from '../errors.ts';
import { SERVER_GROUP } from '../groups.ts';
import type { Actor, Reader } from '../store.ts';
import { type Proposal, rule } from './rule.ts';

/** @throws ApiError Conflict where the actor's term is not the current one */
export function fence(before: Reader, { leadership }: Actor): void {
  if (!leadership) return;
  const { name, term } = leadership;
  const spec = before.get('Leadership', name)?.spec;
  if (spec?.term === term && spec.server !== undefined) return;
  const now = spec?.server === undefined ? 'nobody leads it now' : `server "${spec.server}" leads it now`;
  throw new ApiError(
    'Conflict',
    `leadership "${name}": term ${term} is over, ${now} (term ${spec?.term ?? 0})`,
    {
      kind: 'Leadership',
      name,
    },
  );
}

export const onlyServersLead = rule(
  'Leadership',
  'Only servers take, hand over and give up leaderships.',
  ({ actor }: Proposal<'Leadership'>) =>
    actor.groups.includes(SERVER_GROUP)
      ? undefined
      : { field: 'spec.server', message: `"${actor.user}" is no server: only servers change who leads` },
);

export const termsGrow = rule(
  'Leadership',
  'A leadership changes hands only with a higher term, and is never deleted.',
  ({ old, next }: Proposal<'Leadership'>) => {
    if (!next)
      return {
        field: '',
        message: 'it is kept for good: a term that began again would let old leaders write',
      };
    if (!old || next.spec.term > old.spec.term) return undefined;
    const isGivenUp = next.spec.server === undefined;
    const isSame = next.spec.server === old.spec.server && next.spec.session === old.spec.session;
    if (next.spec.term === old.spec.term && (isGivenUp || isSame)) return undefined;
    return {
      field: 'spec.term',
      message: `a new leader needs a term after ${old.spec.term}, not ${next.spec.term}`,
    };
  },
);
