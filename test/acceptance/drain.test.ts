import { expect } from 'chai';
import { startTraffic } from '../../hack/demo/traffic.ts';
import { counter, endlessTask, node, web } from './fleet.ts';
import { freePort, Mill } from './mill.ts';
import { activeOn, witness } from './witness.ts';

/** Enough to make a lost request likely to show, were there one. */
const REQUESTS_AT_LEAST = 5_000;

describe('mill drain, of a node with a web service, a volume and a task under traffic', function () {
  this.timeout(120_000);
  let mill: Mill;
  let webPort: number;
  let counterPort: number;

  before(async () => {
    mill = await Mill.start();
    webPort = await freePort();
    counterPort = await freePort();
    // Only node-3 can take the first of each, so that all of them are there when it drains.
    await mill.ok('cordon', 'node-1', 'node-2');
    await mill.apply(...counter(counterPort), endlessTask('report'));
    await mill.untilHealthy('counter');
    await mill.ok('uncordon', 'node-1', 'node-2');
    await mill.apply(web('web', { gatewayPort: webPort, env: { DELAY_MS: '200' } }));
    await mill.untilHealthy('web');
    const allocs = await mill.list('Alloc');
    expect(activeOn(allocs, 'node-3').map((alloc) => alloc.spec.owner.name)).to.include.members([
      'web',
      'counter',
      'report',
    ]);
  });
  after(() => mill.close());

  it('loses no request, keeps every replica, moves the volume without a gap in its data, and says what it does', async () => {
    const url = `http://127.0.0.1:${webPort}/`;
    const clients = Array.from({ length: 120 }, (_, index) =>
      startTraffic({ url, keepAlive: index % 2 === 0, pauseMs: 1 }),
    );
    const counts: number[] = [];
    const counting = startTraffic({
      url: `http://127.0.0.1:${counterPort}/next`,
      keepAlive: true,
      pauseMs: 5,
      onBody: (body) => counts.push(Number(body)),
    });
    const seen = await witness(mill);

    const drained = await mill.run(['drain', 'node-3']);
    while (clients.reduce((sum, client) => sum + client.requests, 0) < REQUESTS_AT_LEAST) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all([...clients, counting].map((client) => client.stop()));
    await seen.stop();

    expect(drained, drained.stdout + drained.stderr).to.include({ code: 0, stderr: '' });
    expect(clients.flatMap((client) => client.failures)).to.deep.equal([]);
    expect(counting.failures).to.deep.equal([]);
    expect(seen.fewestRouted('web')).to.be.at.least(3);
    expect(seen.placedOn('node-3')).to.deep.equal([]);
    expect(counts).to.deep.equal(counts.map((_, index) => (counts[0] ?? 0) + index));
    expect(drained.stdout)
      .to.match(/cordoned/)
      .and.match(/healthy/)
      .and.match(/routed/)
      .and.match(/original stopped/);
    expect(drained.stdout).to.match(/gap \d+(\.\d+)?m?s/);
    expect(drained.stdout).to.match(/drained/);
  });

  it('leaves the node draining, with nothing on it', async () => {
    expect(await mill.ok('nodes')).to.match(/^node-3 +draining +\S+ +0 /m);
    const [volume] = await mill.list('Volume');
    expect(volume?.status).to.include({ phase: 'attached' }).and.not.include({ node: 'node-3' });
    expect((await mill.get('Task', 'report')).status.phase).to.equal('stopped');
  });

  it('is done at once when it is asked for again', async () => {
    const again = await mill.run(['drain', 'node-3']);
    expect(again, again.stderr).to.include({ code: 0 });
  });

  it('tells a script each step as one JSON object a line', async () => {
    await mill.ok('undrain', 'node-3');
    const lines = (await mill.ok('drain', 'node-3', '-o', 'json'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).to.include({ node: 'node-3', result: 'drained' });
    expect(lines.slice(0, -1).every((line) => line.result === undefined)).to.equal(true);
  });
});

describe('a drain and a removal by YAML alone', function () {
  this.timeout(120_000);

  it('drains by `drain: true` and removes by `removed: true`', async () => {
    const mill = await Mill.start();
    try {
      await mill.apply(web('web'), endlessTask('report'));
      await mill.untilHealthy('web');
      expect((await mill.apply(node('node-3', { drain: true }))).stdout).to.equal('node/node-3 configured\n');
      await mill.until('Node', 'node-3 drained', (nodes) =>
        nodes.some(({ metadata, status }) => metadata.name === 'node-3' && status.drain?.step === 'drained'),
      );
      expect((await mill.apply(node('node-3', { drain: true, removed: true }))).stdout).to.equal(
        'node/node-3 configured\n',
      );
      await mill.until('Node', 'node-3 gone', (nodes) =>
        nodes.every(({ metadata }) => metadata.name !== 'node-3'),
      );
      await mill.untilHealthy('web');
    } finally {
      await mill.close();
    }
  });
});
