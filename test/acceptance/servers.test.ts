import { expect } from 'chai';
import { isApiError } from '../../api/errors.ts';
import { needsNats } from '../vocabulary/nats.ts';
import { collect, kill } from './mill.ts';
import { MillServers } from './servers.ts';

describe('several mill servers on one NATS cluster', function () {
  this.timeout(180_000);
  let servers: MillServers;

  /** Waits until a server leads nothing, as another one sees it, and everything is led. */
  const untilFollowed = (gone: string, by: string) =>
    servers.until(by, 'Leadership', (all) =>
      all.every(({ spec }) => spec.server !== undefined && spec.server !== gone),
    );

  before(async function () {
    await needsNats(this, 'current');
    servers = await MillServers.start('a', 'b', 'c');
  });
  after(() => servers?.close());

  it('share one authority and one token, so that who knows one knows all', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => servers.context(servers.server(name).url));
    for (const other of [b, c]) expect([other?.ca, other?.token]).to.deep.equal([a?.ca, a?.token]);
  });

  it('each answer for all: what one was told, another knows', async () => {
    await servers.client('a').create({ kind: 'Node', metadata: { name: 'node-7' }, spec: {} });
    await servers.until('b', 'Node', (nodes) => nodes.some(({ metadata }) => metadata.name === 'node-7'));
    // It never had an agent: its controller, wherever it runs, says so.
    await servers.until('c', 'Node', (nodes) => nodes.some(({ status }) => status.phase === 'down'));
  });

  it('lead everything between them, and spread it', async () => {
    await servers.until('c', 'Leadership', (all) => {
      const leaders = new Set(all.map(({ spec }) => spec.server));
      return leaders.size === 3 && !leaders.has(undefined);
    });
  });

  it('follow one that is killed, and take it back', async () => {
    await kill(servers.server('a').child, 'SIGKILL');
    await untilFollowed('a', 'b');
    await servers.add('a');
    await servers.until('b', 'Leadership', (all) => all.some(({ spec }) => spec.server === 'a'));
  });

  it('get from one that is told to stop what it leads, before it ends', async () => {
    await kill(servers.server('b').child, 'SIGTERM');
    const leaders = await servers.leaders('c');
    expect([...leaders.values()])
      .to.not.include('b')
      .and.not.include(undefined);
    await servers.add('b');
  });

  it('stop what they lead, and refuse writes, where one is cut off; and go on later', async () => {
    await servers.until('b', 'Leadership', (all) => all.some(({ spec }) => spec.server === 'a'));
    const a = servers.server('a');
    a.path.cut('silent');
    await untilFollowed('a', 'b');
    expect(a.said).to.include('it stops what it leads');
    const refusal = await servers
      .client('a')
      .create({ kind: 'Node', metadata: { name: 'node-8' }, spec: {} })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(
      isApiError(refusal, 'ServiceUnavailable') || isApiError(refusal, 'Timeout'),
      String(refusal),
    ).to.equal(true);
    a.path.mend();
    await servers.until('a', 'Leadership', (all) => all.some(({ spec }) => spec.server === 'a'));
  });

  it('keep a node that carries a NATS server which the majority needs', async () => {
    const client = servers.client('b');
    const labels = { 'mill.dev/nats-server': 'nats-1' };
    await client.create({ kind: 'Node', metadata: { name: 'node-9', labels }, spec: {} });
    await servers.nats.server(1).kill();
    await servers.until('b', 'Lease', (leases) =>
      leases.every(({ spec }) => spec.natsServers?.some(({ online }) => !online)),
    );
    const remove = () => client.patch('Node', 'node-9', { spec: { removed: true } });
    const refusal = await remove().then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(refusal).to.equal(
      'node "node-9": the NATS server "nats-1" runs on it, and without it 1 of 3 would be online where 2 are needed: ' +
        'bring the others back, or move it to another machine first',
    );
    expect((await client.get('Node', 'node-9')).spec.removed).to.equal(false);
    await servers.nats.server(1).start();
    await servers.until('b', 'Lease', (leases) =>
      leases.every(({ spec }) => spec.natsServers?.every(({ online }) => online)),
    );
    await remove();
  });

  it('do not start by a name that another one runs by', async () => {
    const { code, stderr } = await servers.refused('a', 'another');
    expect(code).to.equal(1);
    expect(stderr).to.include(
      'mill: another server runs by the name "a": give each its own --name and --data\n',
    );
  });

  it('are joined by "mill up", with nodes of its own', async () => {
    const { child } = await servers.up(1);
    try {
      await servers.until('c', 'Node', (nodes) =>
        nodes.some(({ metadata, status }) => metadata.name === 'node-1' && status.phase === 'ready'),
      );
    } finally {
      const ended = collect(child);
      await kill(child, 'SIGTERM');
      expect((await ended).code).to.equal(0);
    }
  });
});
