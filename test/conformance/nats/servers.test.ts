/** NATS servers that tests, benches and local clusters start: real ones, which die, pause, part and come back. */
import { expect } from 'chai';
import { connect, type NatsConnection } from 'nats';
import type { NatsRelease } from '../../../hack/nats/releases.ts';
import { type Nats, type NatsOptions, type NatsPath, startNats } from '../../../hack/nats/servers.ts';
import { natsDir, needsNats } from '../../vocabulary/nats.ts';

const STREAM = 'KEPT';
/** Elections, restarts and a machine that does other things as well. */
const PATIENCE_MS = 60_000;
const CLIENT_TIMEOUT_MS = 1_000;

type Urls = Pick<NatsPath, 'urls'>;

describe('NATS servers', function () {
  this.timeout(2 * PATIENCE_MS);
  let nats: Nats | undefined;

  before(async function () {
    await needsNats(this, 'current', 'stable', 'old');
  });

  afterEach(async () => {
    await nats?.close();
    nats = undefined;
  });

  async function start(options: Omit<NatsOptions, 'dir'>): Promise<Nats> {
    nats = await startNats({ dir: await natsDir(), ...options });
    return nats;
  }

  /** With a connection of its own: one that was there before sticks to a server that is paused. */
  async function withClient<T>(
    urls: readonly string[],
    use: (client: NatsConnection) => Promise<T>,
  ): Promise<T> {
    const client = await connect({ servers: [...urls], timeout: CLIENT_TIMEOUT_MS, reconnect: false });
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }

  const makeStream = ({ urls }: Urls) =>
    withClient(urls, async (client) => {
      const { streams } = await client.jetstreamManager();
      await streams.add({ name: STREAM, subjects: ['kept.>'], num_replicas: urls.length });
    });

  /** Publishes until it is acknowledged: while the servers elect a leader nobody answers. */
  async function publish({ urls }: Urls, subject: string): Promise<number> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await withClient(urls, async (client) => {
          const { seq } = await client.jetstream().publish(subject, subject, { timeout: CLIENT_TIMEOUT_MS });
          return seq;
        });
      } catch (error) {
        if (performance.now() > giveUpAt) throw error;
      }
    }
  }

  const read = ({ urls }: Urls, subject: string) =>
    withClient(urls, async (client) => {
      const { streams } = await client.jetstreamManager();
      return (await streams.getMessage(STREAM, { last_by_subj: subject })).string();
    });

  for (const release of ['current', 'stable', 'old'] satisfies NatsRelease[]) {
    it(`of release ${release} have what they acknowledged after a kill`, async () => {
      const servers = await start({ release, syncAlways: release !== 'old' });
      await makeStream(servers);
      expect(await publish(servers, 'kept.first')).to.equal(1);
      await servers.server(0).kill();
      expect(servers.server(0).isRunning).to.equal(false);
      await servers.server(0).start();
      await servers.ready();
      expect(await read(servers, 'kept.first')).to.equal('kept.first');
    });
  }

  for (const release of ['current', 'stable'] satisfies NatsRelease[]) {
    it(`of release ${release}, three of them, go on without their leader, and it comes back`, async () => {
      const servers = await start({ release, servers: 3 });
      await makeStream(servers);
      await publish(servers, 'kept.first');
      const killed = await servers.leader(STREAM);
      await killed.kill();
      await publish(servers, 'kept.second');
      const next = await servers.leader(STREAM);
      expect(next.name).to.not.equal(killed.name);
      await killed.start();
      await servers.ready();
      next.pause();
      await publish(servers, 'kept.third');
      next.resume();
      await servers.ready();
      expect(await read(servers, 'kept.first')).to.equal('kept.first');
    });
  }

  it('go on without a leader that is cut off, which joins them again when it is not', async () => {
    const servers = await start({ servers: 3, cuttable: true });
    const path = await servers.path();
    await makeStream(path);
    await publish(path, 'kept.first');
    const cut = await servers.leader(STREAM);
    servers.cut(servers.servers.indexOf(cut), 'reset');
    const revision = await publish(path, 'kept.second');
    servers.mend(servers.servers.indexOf(cut));
    await servers.ready();
    expect(await publish(path, 'kept.third')).to.be.greaterThan(revision);
  });

  it('do not hear a client whose path is cut, and hear it again', async () => {
    const servers = await start({ cuttable: true });
    const path = await servers.path();
    await makeStream(path);
    await withClient(path.urls, async (client) => {
      const jetstream = client.jetstream();
      await jetstream.publish('kept.first');
      path.cut();
      const refusal = await jetstream.publish('kept.second', '', { timeout: 200 }).catch(({ code }) => code);
      expect(refusal).to.equal('TIMEOUT');
      path.mend();
      // What was on its way arrives: a link that is cut keeps it, as the sender's kernel does.
      expect((await jetstream.publish('kept.third')).seq).to.equal(3);
    });
  });

  it('show their last words when they do not start', async () => {
    const failure = await start({ config: ['no_such_setting: 1'] }).catch((error: Error) => error.message);
    expect(failure).to.match(/^nats-1 did not start: it ended\n.*unknown field "no_such_setting"/s);
  });
});
