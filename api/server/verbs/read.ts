/** Reading: one object, or a page of a list. */
import { ApiError } from '../../errors.ts';
import type { AnyObject, KindName, ObjectOf } from '../../kinds/index.ts';
import { parseSelectors, type Selectors } from '../../selectors.ts';
import type { Reader } from '../../store.ts';
import { existing } from '../commit.ts';

export interface ListParameters extends Selectors {
  /** Objects a page; all of them where absent or 0. */
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
}

export interface ListPage<K extends KindName> {
  readonly items: readonly ObjectOf<K>[];
  /** Watch from here to miss nothing of any page. */
  readonly resourceVersion: string;
  /** Asks for the next page; absent on the last. */
  readonly continue?: string;
}

export const getObject = <K extends KindName>(state: Reader, kind: K, name: string): ObjectOf<K> =>
  existing(state, kind, name);

/** Objects sorted by name. */
export function listObjects<K extends KindName>(
  state: Reader,
  kind: K,
  parameters: ListParameters,
): ListPage<K> {
  const selection = parseSelectors(kind, parameters);
  const position = parameters.continue ? readToken(parameters.continue) : undefined;
  // Later pages show later states; a watch from the first page's revision brings all that changed in between.
  const revision = position?.revision ?? state.revisionOf(kind);
  const limit = parameters.limit || Number.POSITIVE_INFINITY;
  const candidates =
    selection.name === undefined ? state.list(kind) : present(state.get(kind, selection.name));
  const items: ObjectOf<K>[] = [];
  let more = false;
  for (
    let index = position ? indexAfter(candidates, position.name) : 0;
    index < candidates.length;
    index += 1
  ) {
    const object = candidates[index];
    if (!object || !(selection.everything || selection.matches(object))) continue;
    if (items.length === limit) {
      more = true;
      break;
    }
    items.push(object);
  }
  const last = items.at(-1)?.metadata.name;
  const token = more && last !== undefined ? { continue: writeToken({ revision, name: last }) } : {};
  return { items, resourceVersion: String(revision), ...token };
}

/** The revision that the pages before this one showed: no later page may show less. */
export const revisionBehind = (token: string): number => readToken(token).revision;

const present = <O>(object: O | undefined): readonly O[] => (object === undefined ? [] : [object]);

/** Index of the first object whose name comes after `name`. */
function indexAfter(objects: readonly AnyObject[], name: string): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((objects[middle]?.metadata.name ?? '') <= name) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where a list goes on: paging resumes by name, so that a token never expires. */
interface Position {
  readonly revision: number;
  readonly name: string;
}

const writeToken = (position: Position): string =>
  Buffer.from(JSON.stringify([position.revision, position.name])).toString('base64url');

function readToken(token: string): Position {
  try {
    const position: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (Array.isArray(position)) {
      const [revision, name]: unknown[] = position;
      if (typeof revision === 'number' && Number.isSafeInteger(revision) && typeof name === 'string') {
        return { revision, name };
      }
    }
  } catch (error) {
    throw new ApiError(
      'BadRequest',
      'the continue token cannot be read: list again from the start',
      {},
      { cause: error },
    );
  }
  throw new ApiError('BadRequest', 'the continue token cannot be read: list again from the start');
}
