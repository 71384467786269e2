/** A nats-server of a bench's own, and stores in it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../api/clock.ts';
import { silentLog } from '../../api/log.ts';
import type { Admission } from '../../api/store.ts';
import { type JetStreamStore, openJetStreamStore } from '../../runtime/store/jetstream/store.ts';
import { startNats } from '../nats/servers.ts';

export interface BenchNats {
  readonly urls: readonly string[];
  /** Another server's store. */
  open(serverId: string, admission?: Admission): Promise<JetStreamStore>;
  /** Closes everything that was opened, and ends the servers. */
  close(): Promise<void>;
}

export async function startBenchNats(servers: 1 | 3 = 1): Promise<BenchNats> {
  const dir = await mkdtemp(join(tmpdir(), 'mill-bench-'));
  const nats = await startNats({ dir: join(dir, 'nats'), servers });
  const stores: JetStreamStore[] = [];
  return {
    urls: nats.urls,
    async open(serverId, admission = () => {}) {
      const store = await openJetStreamStore({
        nats: { servers: nats.urls },
        bucket: 'bench',
        dir: join(dir, serverId),
        serverId,
        clock: systemClock,
        log: silentLog,
        admission,
      });
      stores.push(store);
      return store;
    },
    async close() {
      for (const store of stores) await store.close();
      await nats.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
