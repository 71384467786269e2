/** The JetStream engine passes the suite on one server, on one of Debian 12, and on a cluster of three. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Store } from '../../api/store.ts';
import type { NatsRelease } from '../../hack/nats/releases.ts';
import { type Nats, startNats } from '../../hack/nats/servers.ts';
import type { JetStreamStore } from '../../runtime/store/jetstream/store.ts';
import { openStore } from '../vocabulary/jetstream.ts';
import { natsDir, needsNats } from '../vocabulary/nats.ts';
import type { OpenOptions, StoreHarness } from './harness.ts';
import { actor, blindly, event, put } from './objects.ts';
import { hear, names } from './observing.ts';
import { describeStore } from './store-suite.ts';

interface Setting {
  readonly title: string;
  readonly release: NatsRelease;
  readonly servers: 1 | 3;
}

const SETTINGS: readonly Setting[] = [
  { title: 'one nats-server', release: 'current', servers: 1 },
  { title: "one nats-server of Debian 12's", release: 'old', servers: 1 },
  { title: 'three nats-servers', release: 'current', servers: 3 },
  { title: "three nats-servers of Debian 13's", release: 'stable', servers: 3 },
];
const START_MS = 60_000;
/** Together enough for the writer to do without reading. */
const WORKERS = 16;
const TURNS = 50;

async function reread(store: Store): Promise<Store> {
  await store.barrier();
  return store;
}

for (const { title, release, servers } of SETTINGS) {
  describe(`jetstream, ${title}`, function () {
    this.timeout(START_MS);
    let nats: Nats;
    let buckets = 0;

    before(async function () {
      await needsNats(this, release);
      nats = await startNats({ dir: await natsDir(), release, servers });
    });
    after(() => nats?.close());

    it('hears what others write, also while it writes so fast that it reads nothing', async () => {
      const harness = new Harness(() => nats, `test-${++buckets}`);
      try {
        const [writer, other] = [await harness.open(), await harness.crash()];
        const heard = hear(writer, { kinds: ['Event'] });
        const write = async (worker: number) => {
          for (let turn = 0; turn < TURNS; turn++) {
            await writer.commit(actor, blindly(put(event(`${worker}-${turn % 5}`, `${turn}`))));
          }
        };
        const writing = Promise.all(Array.from({ length: WORKERS }, (_, worker) => write(worker)));
        await other.commit(actor, blindly(put(event('meanwhile'))));
        await writing;
        await other.commit(actor, blindly(put(event('later'))));
        await writer.barrier();
        expect(writer.state.list('Event')).to.deep.equal((await reread(other)).state.list('Event'));
        expect(names(heard.map(({ object }) => object))).to.include.members(['meanwhile', 'later']);
        expect(heard.filter(({ object }) => object.metadata.name === '0-0')).to.have.lengthOf(TURNS / 5);
      } finally {
        await harness.dispose();
      }
    });

    describeStore('it is', () => new Harness(() => nats, `test-${++buckets}`));
  });
}

/** A bucket of its own for each test; a restart is one of mill's, a crash leaves everything as it is in NATS. */
class Harness implements StoreHarness {
  readonly keepsEphemeral = true;
  readonly #nats: () => Nats;
  readonly #bucket: string;
  readonly #stores: JetStreamStore[] = [];
  readonly #dirs: string[] = [];

  constructor(nats: () => Nats, bucket: string) {
    this.#nats = nats;
    this.#bucket = bucket;
  }

  open(options?: OpenOptions) {
    return this.#start(options);
  }

  async reopen(options?: OpenOptions) {
    await this.#stores.at(-1)?.close();
    return this.#start(options);
  }

  /** The one that was killed is still there: for the next that makes no difference. */
  async crash(options?: OpenOptions) {
    const killed = this.#dirs.at(-1);
    this.#dirs.push(await mkdtemp(join(tmpdir(), 'mill-jetstream-')));
    // Not what it is at writing: that may be gone before it is copied.
    const filter = (source: string) => !source.endsWith('.new');
    if (killed) await cp(killed, this.#dirs.at(-1) ?? '', { recursive: true, filter });
    return this.#start(options);
  }

  async dispose() {
    await Promise.all(this.#stores.map((store) => store.close()));
    for (const dir of this.#dirs) await rm(dir, { recursive: true, force: true });
  }

  async #start(options: OpenOptions = {}) {
    if (this.#dirs.length === 0) this.#dirs.push(await mkdtemp(join(tmpdir(), 'mill-jetstream-')));
    const store = await openStore({
      nats: { servers: this.#nats().urls },
      bucket: this.#bucket,
      dir: this.#dirs.at(-1) ?? '',
      serverId: `server-${this.#stores.length}`,
      ...options,
    });
    this.#stores.push(store);
    return store;
  }
}
