/** A store on one NATS server, which forgets what is in its memory when it ends, and forgets everything when it is told to. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { connect } from 'nats';
import { type Nats, startNats } from '../../../hack/nats/servers.ts';
import type { JetStreamStore } from '../../../runtime/store/jetstream/store.ts';
import { openStore } from '../../vocabulary/jetstream.ts';
import { natsDir, needsNats } from '../../vocabulary/nats.ts';
import { actor, blindly, event, lease, put } from '../objects.ts';

const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 100;

describe('a store on a lone NATS server', function () {
  this.timeout(2 * PATIENCE_MS);
  let nats: Nats;
  let store: JetStreamStore;
  let dir: string;

  before(async function () {
    await needsNats(this, 'current');
    nats = await startNats({ dir: await natsDir() });
    dir = await mkdtemp(join(tmpdir(), 'mill-lone-'));
    store = await openStore({
      nats: { servers: nats.urls },
      dir,
    });
  });
  after(async () => {
    await store?.close();
    await nats?.close();
    await rm(dir, { recursive: true, force: true });
  });

  async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (performance.now() < giveUpAt) {
      const found = await look();
      if (found !== undefined) return found;
      await pause(LOOK_EVERY_MS);
    }
    throw new Error('not so in time');
  }

  const leases = () =>
    store.state
      .list('Lease')
      .map(({ metadata }) => metadata.name)
      .join();

  it('takes heartbeats again after the server was killed, and has no leases of before', async () => {
    await store.commit(actor, blindly(put(lease('before'))));
    await nats.server(0).kill();
    await nats.server(0).start();
    const renew = () => store.commit(actor, blindly(put(lease('after')))).catch(() => undefined);
    await until(async () => ((await renew()) && leases() === 'after' ? true : undefined));
    await store.commit(actor, blindly(put(event('lasting'))));
    expect(store.health).to.deep.equal({});
  });

  it('says so when its stream was deleted, and shows what it had', async () => {
    const connection = await connect({ servers: nats.urls });
    await (await connection.jetstreamManager()).streams.delete('KV_mill');
    await connection.close();
    const why = await until(() => {
      const { unwritable } = store.health;
      return unwritable?.includes('it is gone') ? unwritable : undefined;
    });
    expect(why).to.include('docs/nats.md');
    expect(store.state.get('Event', 'lasting')).to.have.property('kind', 'Event');
  });
});
