/** Clients that know several servers, of which one is closed, hangs, is cut off from the store, or is behind. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { WatchEvent } from '../../../api/client/client.ts';
import type { HttpClient } from '../../../api/client/http.ts';
import { systemClock } from '../../../api/clock.ts';
import { silentLog } from '../../../api/log.ts';
import { type Certificates, loadCertificates } from '../../../api/server/tls.ts';
import { createInformer } from '../../../runtime/informer.ts';
import { createLeaseKeeper } from '../../../runtime/lease.ts';
import { VirtualClock } from '../../vocabulary/clock.ts';
import { run } from '../cli/fake-surroundings.ts';
import { type Cluster, type ClusterServer, startCluster } from './cluster.ts';
import { brokenBy, refusal } from './failure.ts';
import { admin, alloc, controller, event, node } from './world.ts';

let dir: string;
let tls: Certificates;
let cluster: Cluster;
let first: ClusterServer;
let second: ClusterServer;
let client: HttpClient;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mill-failover-'));
  tls = await loadCertificates({ dir, clock: systemClock });
});
after(() => rm(dir, { recursive: true }));

/** Two servers, and a client that has asked the first of them. */
async function start(): Promise<void> {
  cluster = await startCluster(2, tls);
  [first, second] = cluster.servers as [ClusterServer, ClusterServer];
  await first.service.create(admin, 'Node', node('n1'));
  client = cluster.client();
  await client.get('Node', 'n1');
}

const cordon = (name: string, unschedulable = true) =>
  client.patch('Node', name, { spec: { unschedulable } });
const isCordoned = async () => (await client.get('Node', 'n1')).spec.unschedulable;
const next = async (watch: AsyncIterator<WatchEvent<'Event'>>) => {
  const { value } = (await watch.next()) as { value: WatchEvent<'Event'> };
  return value.type === 'BOOKMARK' ? 'bookmark' : `${value.type} ${value.object.metadata.name}`;
};
const tell = (name: string) => second.service.create(controller, 'Event', event(name));

/** An informer of events whose news can be waited for. */
function follow() {
  const informer = createInformer({
    client,
    clock: systemClock,
    log: silentLog,
    random: Math.random,
    watches: [{ kind: 'Event' }],
  });
  const told: string[] = [];
  let onTold = () => {};
  informer.subscribe({}, ({ type, object }) => {
    told.push(`${type} ${object.metadata.name}`);
    onTold();
  });
  const until = async (count: number) => {
    while (told.length < count) await new Promise<void>((resolve) => (onTold = resolve));
    return told;
  };
  return { informer, until };
}

/** Keeps a lease, as an agent does; `renewals` further ones can be waited for. */
function keepLease() {
  const keeper = createLeaseKeeper({
    client,
    clock: systemClock,
    log: silentLog,
    name: 'node-n1',
    holder: 'agent',
    node: 'n1',
    durationMs: 10_000,
    renewEveryMs: 2_000,
    session: 'run-1',
  });
  let revision = 0;
  /** Resolves when the servers have news that are sent now. */
  const renewed = async () => {
    revision += 1;
    const arrived = new Promise<void>((resolve) => {
      const stop = new AbortController();
      cluster.store.subscribe({ kinds: ['Lease'], signal: stop.signal }, ({ object }) => {
        if (object.kind !== 'Lease' || object.spec.appliedRevision !== revision) return;
        stop.abort();
        resolve();
      });
    });
    keeper.report({ appliedRevision: revision });
    await arrived;
  };
  return { keeper, renewed };
}

describe('a server that is closed', () => {
  beforeEach(start);
  afterEach(() => cluster.close());

  it('is left for the next by reads and by writes, and the client stays there', async () => {
    await first.gate.close();
    expect(await isCordoned()).to.equal(false);
    await cordon('n1');
    await first.gate.open();
    const { connections } = first.gate;
    await cordon('n1', false);
    expect(await isCordoned()).to.equal(false);
    expect(first.gate.connections).to.equal(connections);
    await second.gate.close();
    expect(await isCordoned()).to.equal(false);
  });

  it('is not known to have done what it did not answer: the write is not sent again', async () => {
    const fresh = cluster.client();
    let begun: () => void = () => {};
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    first.copy.commit = () => {
      begun();
      return new Promise(() => {});
    };
    const written = fresh.create(event('e1'));
    const broken = brokenBy(() => written);
    await isBegun;
    await first.gate.close();
    expect((await broken).message).to.match(/: the connection broke$/);
    await refusal('NotFound', () => fresh.get('Event', 'e1'));
    await fresh.create(event('e1'));
  });

  it('is told of where no other answers', async () => {
    await Promise.all(cluster.servers.map(({ gate }) => gate.close()));
    expect((await brokenBy(isCordoned)).message).to.match(/: nothing listens there$/);
    expect((await brokenBy(() => cordon('n1'))).message).to.match(/: nothing listens there$/);
    await second.gate.open();
    await cordon('n1');
  });

  it('costs an informer nothing that it was to hear, and lets it hear nothing twice', async () => {
    const { informer, until } = follow();
    await informer.synced;
    await tell('e1');
    await until(1);
    await first.gate.close();
    await tell('e2');
    await until(2);
    await second.service.delete(admin, 'Event', 'e1');
    await tell('e3');
    expect(await until(4)).to.deep.equal(['added e1', 'added e2', 'deleted e1', 'added e3']);
    informer.close();
  });

  it('ends no watch that had begun: it goes on at the next, after what it has told', async () => {
    const clock = new VirtualClock();
    client = cluster.client({ clock });
    const { resourceVersion } = await client.list('Event');
    const watch = client.watch('Event', { resourceVersion })[Symbol.asyncIterator]();
    const rows = client.watchTable('Event', { resourceVersion })[Symbol.asyncIterator]();
    const nextRow = async () => (await rows.next()).value?.table.rows[0]?.cells[0];
    await tell('e1');
    expect([await next(watch), await nextRow()]).to.deep.equal(['ADDED e1', 'e1']);
    await clock.advance(1_000);
    await first.gate.close();
    await tell('e2');
    expect([await next(watch), await nextRow()]).to.deep.equal(['ADDED e2', 'e2']);
    // One that breaks as soon as it is open is for its reader to open again.
    const broken = brokenBy(() => watch.next());
    await second.gate.close();
    await broken;
  });

  it('costs no renewal of a lease', async () => {
    const { keeper, renewed } = keepLease();
    await keeper.held;
    await first.gate.close();
    await renewed();
    await second.gate.close();
    await first.gate.open();
    await renewed();
    await keeper.close();
  });

  it('is not missed by the command line', async () => {
    await first.gate.close();
    const { exitCode, stdout, stderr } = await run('nodes', { connection: client, holdsTime: true });
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(/^n1 /m);
  });
});

describe('a server that hangs', () => {
  beforeEach(start);
  afterEach(() => cluster.close());

  it('is left by a read, and by the watches that it does not serve any more', async () => {
    const { resourceVersion } = await client.list('Event');
    const watch = client.watch('Event', { resourceVersion })[Symbol.asyncIterator]();
    await tell('e1');
    expect(await next(watch)).to.equal('ADDED e1');
    first.gate.hang();
    const heard = next(watch);
    expect(await isCordoned()).to.equal(false);
    await tell('e2');
    expect(await heard).to.equal('ADDED e2');
  });

  it('may have done what it was sent: a write is not sent again', async () => {
    first.gate.hang();
    expect((await brokenBy(() => cordon('n1'))).message).to.equal(
      `the server at ${first.url} does not answer`,
    );
    await cordon('n1');
    expect(await isCordoned()).to.equal(true);
  });

  it('that never took the connection up has done nothing: a write goes to the next', async () => {
    first.gate.hang();
    client = cluster.client();
    await cordon('n1');
    expect(await isCordoned()).to.equal(true);
  });

  it('keeps neither a lease from being renewed nor an informer from its news', async () => {
    const { keeper, renewed } = keepLease();
    const { informer, until } = follow();
    await Promise.all([keeper.held, informer.synced]);
    first.gate.hang();
    await tell('e1');
    await Promise.all([renewed(), until(1)]);
    informer.close();
    await keeper.close();
  });
});

describe('a server that is cut off from the store', () => {
  const cutOff = () => {
    first.copy.hold();
    first.copy.health = { unwritable: 'no quorum', staleSinceMs: Date.parse('2024-05-01T00:00:00.000Z') };
  };
  beforeEach(start);
  afterEach(() => cluster.close());

  it('is left by a write, which it has not done, and by the watches', async () => {
    const { informer, until } = follow();
    await informer.synced;
    cutOff();
    await tell('e1');
    await cordon('n1');
    expect(await until(1)).to.deep.equal(['added e1']);
    expect(await isCordoned()).to.equal(true);
    informer.close();
  });

  it('is left by a read, which another server answers without a warning', async () => {
    const warnings: string[] = [];
    client = cluster.client({ onWarning: (text) => warnings.push(text) });
    cutOff();
    await second.service.patch(admin, 'Node', 'n1', { spec: { unschedulable: true } }, { type: 'merge' });
    expect(await isCordoned()).to.equal(true);
    expect(warnings).to.deep.equal([]);
  });

  it('costs no renewal of a lease', async () => {
    const { keeper, renewed } = keepLease();
    await keeper.held;
    cutOff();
    await renewed();
    await keeper.close();
  });

  it('is stayed with where no other is better: its reads are marked, its writes refused', async () => {
    const warnings: string[] = [];
    client = cluster.client({ onWarning: (text) => warnings.push(text) });
    const { resourceVersion } = await client.list('Event');
    const watch = client.watch('Event', { resourceVersion })[Symbol.asyncIterator]();
    await tell('e1');
    expect(await next(watch)).to.equal('ADDED e1');
    cutOff();
    await second.gate.close();
    expect(await isCordoned()).to.equal(false);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include('stale since 2024-05-01T00:00:00.000Z');
    const { message } = await refusal('ServiceUnavailable', () => cordon('n1'));
    expect(message).to.equal('no quorum');
    first.copy.release();
    await tell('e2');
    expect(await next(watch)).to.equal('ADDED e2');
  });

  it('is told of by the command line in one line on stderr', async () => {
    cutOff();
    await second.gate.close();
    for (const words of ['nodes', 'status', 'get nodes -o json']) {
      const { exitCode, stderr } = await run(words, {
        connect: ({ onWarning }) => cluster.client({ ...(onWarning ? { onWarning } : {}) }),
        holdsTime: true,
      });
      expect(exitCode, words).to.equal(0);
      expect(stderr, words).to.match(/^Warning: .* stale since 2024-05-01T00:00:00.000Z\n$/);
    }
  });
});

describe('a server that is behind', () => {
  beforeEach(start);
  afterEach(() => cluster.close());

  it('shows a client nothing older than it has seen elsewhere', async () => {
    second.copy.hold();
    await cordon('n1');
    await first.gate.close();
    const read = isCordoned();
    const listed = client.list('Node');
    await second.copy.barrierAsked;
    second.copy.release();
    expect(await read).to.equal(true);
    expect((await listed).items[0]?.spec.unschedulable).to.equal(true);
  });

  it('makes a watch wait rather than list again', async () => {
    second.copy.hold();
    await client.create(event('e1'));
    const { resourceVersion } = await client.list('Event');
    await first.gate.close();
    const watch = client.watch('Event', { resourceVersion })[Symbol.asyncIterator]();
    const heard = next(watch);
    await second.copy.barrierAsked;
    second.copy.release();
    await tell('e2');
    expect(await heard).to.equal('ADDED e2');
  });

  it('of a store that was put back to an older state is believed', async () => {
    // A store of its own, which has never come as far.
    const restored = await startCluster(1, tls);
    const { url, service } = restored.servers[0] as ClusterServer;
    await service.create(controller, 'Event', event('old'));
    client = cluster.client({ server: [first.url, url] });
    const { informer, until } = follow();
    await client.create(event('e1'));
    await client.create(event('e2'));
    await until(2);
    await first.gate.close();
    const { items } = await client.list('Event');
    expect(items.map(({ metadata }) => metadata.name)).to.deep.equal(['old']);
    await service.create(controller, 'Event', event('new'));
    const told = await until(6);
    expect(told.slice(2)).to.have.members(['deleted e1', 'deleted e2', 'added old', 'added new']);
    informer.close();
    await restored.close();
  });
});

describe('logs', () => {
  beforeEach(start);
  afterEach(() => cluster.close());

  it('are read at any server that the agent answers to', async () => {
    await first.service.create(controller, 'Alloc', alloc('a1', 'n1'));
    const { token } = await first.service.registerNode(admin, 'n1', {});
    const stop = new AbortController();
    for (const { url, logs } of cluster.servers) {
      const agent = cluster.client({ server: url, token });
      const attached = new Promise<void>((resolve) => {
        const attach = logs.attach.bind(logs);
        logs.attach = (...parameters) => {
          attach(...parameters);
          resolve();
        };
      });
      void agent.serveLogs(
        'n1',
        async function* (name) {
          yield Buffer.from(`said by ${name}\n`);
        },
        stop.signal,
      );
      await attached;
    }
    const read = () => run('logs a1', { connection: client, holdsTime: true });
    expect((await read()).stdout).to.equal('said by a1\n');
    await first.gate.close();
    expect((await read()).stdout).to.equal('said by a1\n');
    stop.abort();
  });
});
