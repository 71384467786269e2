/**
 * Watching a kind: what is there, then every change, seen through selectors. An object that comes to match is
 * ADDED, one that no longer does is DELETED.
 */
import { repeat } from '../../clock.ts';
import { ApiError } from '../../errors.ts';
import type { AnyObject, KindName, ObjectOf } from '../../kinds/index.ts';
import { parseSelectors, type Selection, type Selectors } from '../../selectors.ts';
import type { Change } from '../../store.ts';
import type { Core } from '../commit.ts';

/** How often a watch that asked for bookmarks hears how far it is, where the store moved on without it. */
const BOOKMARK_INTERVAL_MS = 2_000;

export interface WatchParameters extends Selectors {
  /** Every change after it. Absent, empty or `0`: what is there first, as ADDED, and every change after that. */
  readonly resourceVersion?: string | undefined;
  readonly bookmarks?: boolean | undefined;
  /** What is there first, whatever the resourceVersion, and then a bookmark that says that this was all. */
  readonly sendInitialEvents?: boolean | undefined;
  readonly bookmarkIntervalMs?: number | undefined;
  readonly signal: AbortSignal;
}

export type ServerWatchEvent<K extends KindName = KindName> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: ObjectOf<K> }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd?: true };

/** Calls back at once, in the turn of the commit; the first calls may come before it returns. @throws ApiError Expired */
export function watchObjects<K extends KindName>(
  core: Core,
  kind: K,
  parameters: WatchParameters,
  onEvent: (event: ServerWatchEvent<K>) => void,
): void {
  const { signal } = parameters;
  const selection = parseSelectors(kind, parameters);
  const { state } = core.store;
  const from = readRevision(parameters.resourceVersion);
  const replay = from === 0 || parameters.sendInitialEvents === true;
  const start = replay ? state.revisionOf(kind) : from;
  if (signal.aborted) return;
  let told = start;
  if (replay) {
    for (const object of state.list(kind)) {
      if (selection.matches(object)) onEvent({ type: 'ADDED', object });
    }
    if (parameters.sendInitialEvents) {
      onEvent({ type: 'BOOKMARK', resourceVersion: String(start), initialEventsEnd: true });
    }
  }
  core.store.subscribe({ kinds: [kind], after: start, signal }, (change) => {
    const event = seenThrough(selection, change);
    if (!event) return;
    told = change.revision;
    // Subscribed to this kind only, so its objects are of this kind.
    onEvent(event as ServerWatchEvent<K>);
  });
  core.statistics.watchers += 1;
  signal.addEventListener('abort', () => {
    core.statistics.watchers -= 1;
  });
  if (!parameters.bookmarks) return;
  repeat(core.clock, parameters.bookmarkIntervalMs ?? BOOKMARK_INTERVAL_MS, signal, () => {
    // The store fans a commit out in the turn in which it shows it: all up to its revision was delivered.
    const revision = state.revisionOf(kind);
    if (revision <= told) return;
    told = revision;
    onEvent({ type: 'BOOKMARK', resourceVersion: String(told) });
  });
}

function seenThrough(selection: Selection, change: Change): ServerWatchEvent | undefined {
  const { object } = change;
  const matches = selection.matches(object);
  if (change.type === 'deleted') return matches ? event('DELETED', object) : undefined;
  if (change.type === 'added') return matches ? event('ADDED', object) : undefined;
  if (selection.everything) return event('MODIFIED', object);
  // Without the old object, the watcher is told more than it needs: it knows what it has.
  const matched = change.old === undefined || selection.matches(change.old);
  if (matches) return event(matched ? 'MODIFIED' : 'ADDED', object);
  return matched ? event('DELETED', object) : undefined;
}

const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: AnyObject): ServerWatchEvent => ({
  type,
  object,
});

function readRevision(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const revision = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(revision)) {
    throw new ApiError('BadRequest', `resourceVersion must be a whole number (got "${text.slice(0, 64)}")`);
  }
  return revision;
}
