/** Keeps the newest events: what was said long ago goes, so that a busy fleet does not fill its store with history. */
import { type Client, deleteIfPresent } from '../api/client/client.ts';
import type { Log } from '../api/log.ts';
import type { ObjectSource } from './controller/controller.ts';

/** Some days of a fleet in peace, and all of several drains. */
const MAX_EVENTS = 2_000;

/** Deletes the oldest event for each new one beyond `limit`, until the signal aborts. */
export function retainEvents(
  source: ObjectSource,
  client: Client,
  log: Log,
  signal: AbortSignal,
  limit = MAX_EVENTS,
): void {
  const byAge = [...source.state.list('Event')].sort((a, b) => a.spec.time.localeCompare(b.spec.time));
  // A set keeps the order in which names came: the first is the oldest.
  const names = new Set(byAge.map((event) => event.metadata.name));
  const prune = () => {
    for (const name of names) {
      if (names.size <= limit) return;
      names.delete(name);
      deleteIfPresent(client, 'Event', name).catch((error: Error) => {
        if (!signal.aborted) log.warn({ event: name, error: error.message }, 'an old event was not deleted');
      });
    }
  };
  source.subscribe({ kinds: ['Event'], signal }, (change) => {
    if (change.type === 'deleted') names.delete(change.object.metadata.name);
    if (change.type === 'added') names.add(change.object.metadata.name);
    prune();
  });
  prune();
}
