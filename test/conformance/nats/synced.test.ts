/** One NATS server that syncs every record: commits go out one by one at first, and together when that turns out to be slow. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Nats, startNats } from '../../../hack/nats/servers.ts';
import { openStore } from '../../vocabulary/jetstream.ts';
import { natsDir, needsNats } from '../../vocabulary/nats.ts';
import { actor, event, put } from '../objects.ts';

const COMMITS = 4_000;
const IN_FLIGHT = 200;
const COUNTERS = 40;

describe('a store on a NATS server that syncs every record', function () {
  this.timeout(120_000);
  let nats: Nats;
  let dir: string;

  before(async function () {
    await needsNats(this, 'current');
    nats = await startNats({ dir: await natsDir(), syncAlways: true });
    dir = await mkdtemp(join(tmpdir(), 'mill-synced-'));
  });
  after(async () => {
    await nats?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const open = (serverId: string) =>
    openStore({
      nats: { servers: nats.urls },
      dir: join(dir, serverId),
      serverId,
    });

  it('counts every commit once, with many under way', async () => {
    const store = await open('one');
    let begun = 0;
    const count = (name: string) =>
      store.commit(actor, (state) => {
        const before = Number(state.get('Event', name)?.spec.message || 0);
        return { writes: [put(event(name, String(before + 1)))], result: undefined };
      });
    const worker = async () => {
      while (begun < COMMITS) await count(`count-${begun++ % COUNTERS}`);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    const fresh = await open('fresh');
    expect(fresh.state.revision).to.equal(store.state.revision);
    const counts = fresh.state.list('Event').map(({ spec }) => Number(spec.message));
    expect(counts).to.deep.equal(Array.from({ length: COUNTERS }, () => COMMITS / COUNTERS));
    await Promise.all([store.close(), fresh.close()]);
  });
});
