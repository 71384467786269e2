/** The example program of docs/watch-streams.md, as anybody may run it: it hears every change, over the death of a server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { type Nats, startNats } from '../../../hack/nats/servers.ts';
import type { JetStreamStore } from '../../../runtime/store/jetstream/store.ts';
import { openStore, productionOptions } from '../../vocabulary/jetstream.ts';
import { natsDir, needsNats, needsProgram } from '../../vocabulary/nats.ts';
import { actor, blindly, event, put, remove } from '../objects.ts';

const CONSUMER = new URL('../../../manifests/nats/consumer.mjs', import.meta.url).pathname;
const PATIENCE_MS = 60_000;

interface Line {
  readonly type: 'put' | 'deleted' | 'current' | 'broken';
  readonly key?: string;
  readonly revision?: number;
  readonly objects?: number;
}

describe('the example consumer of the watch streams', function () {
  this.timeout(2 * PATIENCE_MS);
  let nats: Nats;
  let store: JetStreamStore;
  let consumer: ChildProcess | undefined;

  before(async function () {
    needsProgram(this, 'openssl');
    await needsNats(this, 'current');
    nats = await startNats({ dir: await natsDir(), servers: 3, production: true });
    store = await openStore({
      nats: productionOptions(nats),
      dir: join(nats.dir, 'server-1'),
      serverId: 'server-1',
    });
  });
  after(async () => {
    consumer?.kill('SIGKILL');
    await store?.close();
    await nats?.close();
  });

  function start(): AsyncIterator<Line> {
    const { dir, production, urls } = nats;
    const words = [CONSUMER, urls.join(','), join(dir, 'mill-reader.password'), production.caFile];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    consumer = child;
    return (async function* () {
      for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line) as Line;
      throw new Error(`the consumer ended: ${child.exitCode}`);
    })();
  }

  it('reads what is there, hears what changes, and goes on when its server dies', async () => {
    await store.commit(actor, blindly(put(event('a.dotted')), put(event('gone'))));
    await store.commit(actor, blindly(remove('gone')));
    const lines = start();
    const until = async (wanted: (line: Line) => boolean) => {
      for (;;) {
        const line = (await lines.next()).value as Line;
        if (wanted(line)) return line;
      }
    };
    const current = await until(({ type }) => type === 'current');
    expect(current).to.include({ objects: 1, revision: store.state.revision });

    const changed = await store.commit(actor, blindly(put(event('a.dotted', 'again'))));
    expect(await until(({ type }) => type === 'put')).to.include({
      key: 'events.a_dotted',
      revision: changed.revision,
    });

    // Each server once: the one that it is connected to is among them.
    for (const [index, server] of nats.servers.entries()) {
      await server.kill();
      const name = `after-${index}`;
      await committed(name);
      await until(({ key }) => key === `events.${name}`);
      await server.start();
      await nats.ready();
    }
    await store.commit(actor, blindly(remove('a.dotted')));
    await until(({ type, key }) => type === 'deleted' && key === 'events.a_dotted');
  });

  /** While the servers elect a leader a commit may be refused, or its outcome unknown: it is made again. */
  async function committed(name: string): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        await store.commit(actor, blindly(put(event(name))));
        return;
      } catch (error) {
        if (performance.now() > giveUpAt) throw error;
      }
    }
  }

  it('is ended by its user alone', async () => {
    if (!consumer) throw new Error('there is no consumer');
    expect(consumer.exitCode).to.equal(null);
    consumer.kill('SIGTERM');
    expect((await once(consumer, 'exit'))[1]).to.equal('SIGTERM');
  });
});
