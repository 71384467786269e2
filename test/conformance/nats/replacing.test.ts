/** A NATS server that does not come back is replaced as docs/nats.md says, and nothing is lost. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { type Nats, startNats } from '../../../hack/nats/servers.ts';
import type { JetStreamStore } from '../../../runtime/store/jetstream/store.ts';
import { openStore, productionOptions } from '../../vocabulary/jetstream.ts';
import { natsDir, needsNats, needsProgram } from '../../vocabulary/nats.ts';
import { actor, blindly, event, put } from '../objects.ts';

const SERVERS = new URL('../../../manifests/nats/servers.mjs', import.meta.url).pathname;
const PATIENCE_MS = 90_000;
const POLL_MS = 250;
const EVENTS = 50;
const run = promisify(execFile);

describe('a NATS server that does not come back', function () {
  this.timeout(2 * PATIENCE_MS);
  let nats: Nats;
  let store: JetStreamStore;

  before(async function () {
    needsProgram(this, 'openssl');
    await needsNats(this, 'current');
    nats = await startNats({ dir: await natsDir(), servers: 5, production: true });
    store = await openStore({
      nats: productionOptions(nats),
      dir: join(nats.dir, 'server-1'),
      serverId: 'server-1',
      replicas: 3,
    });
  });
  after(async () => {
    await store?.close();
    await nats?.close();
  });

  async function servers(...words: string[]): Promise<string> {
    const urls = nats.servers.filter(({ isRunning }) => isRunning).map(({ url }) => url);
    const login = [urls.join(','), join(nats.dir, 'admin.password'), nats.production.caFile];
    return (await run(process.execPath, [SERVERS, ...login, ...words])).stdout;
  }

  /** The one that was killed may have led them all: who removes it waits for the next leader. */
  async function removed(name: string): Promise<string> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await servers('remove', name);
      } catch (error) {
        if (performance.now() >= until) throw error;
        await pause(POLL_MS);
      }
    }
  }

  /** The servers that have the objects, and how each of them is. */
  async function replicas(): Promise<ReadonlyMap<string, string>> {
    const lines = (await servers('list')).split('\n').map((line) => line.split('\t'));
    const own = lines.filter(([stream]) => stream === 'KV_mill');
    return new Map(own.map(([, name = '', how = '']) => [name, how]));
  }

  it('is taken out, another one takes its place, and every object is there', async () => {
    for (let index = 0; index < EVENTS; index++) await store.commit(actor, blindly(put(event(`e-${index}`))));
    let before = await replicas();
    // A copy is a moment behind what was just written.
    for (
      const until = performance.now() + PATIENCE_MS;
      performance.now() < until;
      before = await replicas()
    ) {
      if ([...before.values()].every((how) => how === 'current' || how === 'leader')) break;
      await pause(POLL_MS);
    }
    expect([...before.values()].sort()).to.deep.equal(['current', 'current', 'leader']);
    const lost = nats.servers.find(({ name }) => before.get(name) === 'current');
    if (!lost) throw new Error('no server has a copy');
    await lost.kill();
    expect(await removed(lost.name)).to.contain(`${lost.name} is removed`);

    const giveUpAt = performance.now() + PATIENCE_MS;
    const isWhole = (all: ReadonlyMap<string, string>) =>
      all.size === 3 &&
      !all.has(lost.name) &&
      [...all.values()].every((how) => how === 'leader' || how === 'current');
    let now = await replicas();
    while (!isWhole(now)) {
      if (performance.now() > giveUpAt) throw new Error(`it is ${JSON.stringify([...now])}`);
      await pause(POLL_MS);
      now = await replicas();
    }
    const committed = await store.commit(actor, blindly(put(event('after'))));
    expect(await store.barrier()).to.be.at.least(committed.revision);
    expect(store.state.count('Event')).to.equal(EVENTS + 1);
  });

  it('is not removed by a name that no server has', async () => {
    const failure = await servers('remove', 'nats-9').catch((error) => error);
    expect(failure).to.include({ code: 1 });
    expect(failure.stderr).to.match(/^nats-9 was not removed: /);
  });
});
