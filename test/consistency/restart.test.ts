/** The one NATS server is killed and started again: it has forgotten the leases, and all goes on. */
import { join } from 'node:path';
import { expect } from 'chai';
import { type Nats, startNats } from '../../hack/nats/servers.ts';
import type { JetStreamStore } from '../../runtime/store/jetstream/store.ts';
import { actor, blindly, event, lease, put } from '../conformance/objects.ts';
import { names } from '../conformance/observing.ts';
import { openStore } from '../vocabulary/jetstream.ts';
import { natsDir, needsNats } from '../vocabulary/nats.ts';

const TIMEOUT_MS = 60_000;
const RETRY_MS = 50;

describe('a lone NATS server that is killed', function () {
  this.timeout(TIMEOUT_MS);
  let nats: Nats;
  let store: JetStreamStore;

  before(async function () {
    await needsNats(this, 'current');
    nats = await startNats({ dir: await natsDir() });
    const dir = join(nats.dir, 'server-1');
    store = await openStore({ nats: { servers: nats.urls }, dir, serverId: 'server-1' });
  });
  after(async () => {
    await store?.close();
    await nats?.close();
  });

  it('takes commits and heartbeats again when it is back', async () => {
    const beat = (name: string) => store.commit(actor, blindly(put(lease(name))), { kind: 'Lease' });
    await beat('before');
    await store.commit(actor, blindly(put(event('before'))));
    await nats.server(0).kill();
    await nats.server(0).start();
    await untilDone(() => beat('after'));
    await untilDone(() => store.commit(actor, blindly(put(event('after')))));
    expect(names(store.state.list('Event'))).to.deep.equal(['after', 'before']);
    expect(names(store.state.list('Lease'))).to.deep.equal(['after']);
    expect(store.health).to.deep.equal({});
  });

  it('is waited for by a server that starts before it', async () => {
    await nats.server(0).kill();
    const opening = openStore({
      nats: { servers: nats.urls },
      dir: join(nats.dir, 'server-2'),
      serverId: 'server-2',
    });
    await nats.server(0).start();
    const late = await opening;
    expect(names(late.state.list('Event'))).to.deep.equal(['after', 'before']);
    await late.close();
  });
});

/** Tries again, as whoever beats does, within the test's own timeout. */
async function untilDone(action: () => Promise<unknown>): Promise<void> {
  const isDone = () =>
    action().then(
      () => true,
      () => false,
    );
  while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
}
