/** Two servers of one name would take each other's heartbeats for their own: the second one does not start. */
import type { Clock } from '../../api/clock.ts';
import { serverLeaseName } from '../../api/kinds/lease.ts';
import type { Store } from '../../api/store.ts';
import { RENEW_EVERY_MS } from './timing.ts';

/** A heartbeat or two of another run are what a process that died just now had under way. */
export const NAMESAKE_BEATS = 3;
/** A server that lives has renewed its lease once in this time, and may have missed one beat. */
const SILENCE_MS = 2.5 * RENEW_EVERY_MS;

/**
 * Waits only where a lease of this name is there: a server that was stopped left none, one that was killed did.
 * @throws Error where somebody renews it
 */
export async function refuseNamesake(store: Store, server: string, clock: Clock): Promise<void> {
  const name = serverLeaseName(server);
  if (!store.state.get('Lease', name)) return;
  const watch = new AbortController();
  let beats = 0;
  await new Promise<void>((resolve) => {
    let cancel = clock.schedule(SILENCE_MS, resolve);
    store.subscribe({ kinds: ['Lease'], signal: watch.signal }, ({ type, object }) => {
      if (object.metadata.name !== name || type === 'deleted') return;
      beats += 1;
      cancel();
      if (beats >= NAMESAKE_BEATS) resolve();
      else cancel = clock.schedule(SILENCE_MS, resolve);
    });
  });
  watch.abort();
  if (beats >= NAMESAKE_BEATS)
    throw new Error(`another server runs by the name "${server}": give each its own --name and --data`);
}
