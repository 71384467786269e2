/**
 * A process to be killed: commits pairs of objects to the embedded store in argv[2], several at a time, and prints
 * `PAIR VALUE REVISION` when one is acknowledged.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../api/clock.ts';
import { silentLog } from '../../api/log.ts';
import { openEmbeddedStore } from '../../runtime/store/embedded.ts';
import { actor, blindly, event, lease, put } from './objects.ts';

const IN_FLIGHT = 8;
/** Small enough for a compaction every few hundred commits, so that many are killed half way. */
const COMPACT_BYTES = 64 * 1024;

const dir = process.argv[2] ?? '';
const store = await openEmbeddedStore({
  dir,
  clock: systemClock,
  log: silentLog,
  admission: () => {},
  compactBytes: COMPACT_BYTES,
});

async function write(pair: number): Promise<never> {
  for (;;) {
    const value = 1 + Number(store.state.get('Event', `left-${pair}`)?.spec.message ?? 0);
    const both = blindly(
      put(event(`left-${pair}`, `${value}`)),
      put(lease('beat')),
      put(event(`right-${pair}`, `${value}`)),
    );
    const { revision } = await store.commit(actor, both);
    writeSync(1, `${pair} ${value} ${revision}\n`);
  }
}
await Promise.all(Array.from({ length: IN_FLIGHT }, (_, pair) => write(pair)));
