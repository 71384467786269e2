/** The rules, asked about one write. */
import { type ApiError, isApiError } from '../../../api/errors.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import { admission } from '../../../api/rules/index.ts';
import type { Actor, Write } from '../../../api/store.ts';
import { MutableState } from '../../../runtime/store/state.ts';

export const controller: Actor = { user: 'system:controller:test', groups: ['system:controllers'] };
export const put = (object: AnyObject): Write => ({ type: 'put', object });
export const remove = (object: AnyObject): Write => ({
  type: 'delete',
  kind: object.kind,
  name: object.metadata.name,
});

/** What the rules say to a write on top of what is there; undefined: nothing. */
export function objection(there: readonly AnyObject[], write: Write, actor = controller): string | undefined {
  const error = refusalOf(there, write, actor);
  return error && `${error.reason}: ${error.message}`;
}

export function refusalOf(there: readonly AnyObject[], write: Write, actor: Actor): ApiError | undefined {
  const state = new MutableState();
  for (const object of there) state.put(object);
  try {
    admission(state, [write], actor);
    return undefined;
  } catch (error) {
    if (!isApiError(error)) throw error;
    return error;
  }
}
