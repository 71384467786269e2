/** A server that cannot reach NATS, or reaches NATS servers without a majority: it says so in time, and comes back. */
import { join } from 'node:path';
import { expect } from 'chai';
import { type Nats, type NatsPath, startNats } from '../../hack/nats/servers.ts';
import type { JetStreamStore } from '../../runtime/store/jetstream/store.ts';
import { actor, blindly, event, put } from '../conformance/objects.ts';
import { failure, names } from '../conformance/observing.ts';
import { openStore } from '../vocabulary/jetstream.ts';
import { natsDir, needsNats } from '../vocabulary/nats.ts';

/** A start of three NATS servers, and elections, on a busy machine. */
const TIMEOUT_MS = 180_000;
const POLL_MS = 50;

describe('a server that is cut off', function () {
  this.timeout(TIMEOUT_MS);
  let nats: Nats;
  let path: NatsPath;
  let store: JetStreamStore;
  let other: JetStreamStore;

  before(async function () {
    await needsNats(this, 'current');
    nats = await startNats({ dir: await natsDir(), servers: 3, cuttable: true });
    path = await nats.path();
    const open = (servers: readonly string[], serverId: string) =>
      openStore({ nats: { servers }, dir: join(nats.dir, serverId), serverId });
    store = await open(path.urls, 'server-1');
    other = await open(nats.urls, 'server-2');
    await store.commit(actor, blindly(put(event('before'))));
  });
  after(async () => {
    await Promise.all([store?.close(), other?.close()]);
    await nats?.close();
  });

  it('from NATS answers every write in time, marks its reads as stale, and comes back by itself', async () => {
    path.cut();
    const underWay = failure(store.commit(actor, blindly(put(event('under-way')))));
    expect(await underWay)
      .to.have.property('reason')
      .that.is.oneOf(['Timeout', 'ServiceUnavailable']);
    await until(() => store.health.staleSinceMs !== undefined);
    expect(store.health.unwritable).to.include('no connection to NATS');
    expect(await failure(store.commit(actor, blindly(put(event('refused')))))).to.have.property(
      'reason',
      'ServiceUnavailable',
    );
    expect(await failure(store.barrier())).to.have.property('reason', 'ServiceUnavailable');
    await other.commit(actor, blindly(put(event('meanwhile'))));
    expect(names(store.state.list('Event')))
      .to.include('before')
      .and.not.to.include('meanwhile');

    path.mend();
    await until(() => store.health.unwritable === undefined && store.health.staleSinceMs === undefined);
    await store.barrier();
    expect(names(store.state.list('Event')))
      .to.include('meanwhile')
      .and.not.to.include('refused');
    await store.commit(actor, blindly(put(event('after'))));
  });

  it('from a majority of the NATS servers answers every write in time, and goes on when they are back', async () => {
    const [stays, ...others] = nats.servers;
    for (const server of others) server.pause();
    const answer = await failure(store.commit(actor, blindly(put(event('no-majority')))));
    expect(answer).to.have.property('reason').that.is.oneOf(['Timeout', 'ServiceUnavailable']);
    await until(() => store.health.unwritable !== undefined && store.health.staleSinceMs !== undefined);
    expect(store.state.get('Event', 'before')).not.to.equal(undefined);
    expect(stays?.isRunning).to.equal(true);
    for (const server of others) server.resume();
    await until(() => store.health.unwritable === undefined && store.health.staleSinceMs === undefined);
    await store.commit(actor, blindly(put(event('majority'))));
    await other.barrier();
    expect(names(other.state.list('Event'))).to.include('majority');
  });
});

/** Within the test's own timeout. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
