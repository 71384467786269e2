/** The demo's drain on three servers, under traffic, while the servers that it depends on are killed. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import type { HttpClient } from '../../api/client/http.ts';
import { type Cluster, startCluster } from '../../hack/cluster/cluster.ts';
import { clientOf, killLeaders } from '../../hack/cluster/leaders.ts';
import { startTraffic, type Traffic } from '../../hack/demo/traffic.ts';
import { natsDir, needsNats } from '../vocabulary/nats.ts';
import { collect, freePort, ROOT } from './mill.ts';
import { Operator } from './operator.ts';

const PATIENCE_MS = 120_000;

describe('a drain on three servers under traffic', function () {
  this.timeout(2 * PATIENCE_MS);
  let cluster: Cluster;
  let operator: Operator;
  let client: HttpClient;
  let dir: string;
  const clients: Traffic[] = [];
  const counts: number[] = [];

  before(async function () {
    await needsNats(this, 'current');
    dir = await natsDir();
    cluster = await startCluster({ dir, agents: 3 });
    operator = new Operator(cluster);
    client = await clientOf(cluster);
    await sendTraffic();
  });
  after(async () => {
    await Promise.all(clients.map((each) => each.stop()));
    client?.close();
    await cluster?.close();
    await rm(dir, { recursive: true, force: true });
  });

  /** The demo as it is, on ports that are free here. */
  async function sendTraffic(): Promise<void> {
    const ports = [await freePort(), await freePort()];
    for (const file of ['10-nodes', '20-web', '30-counter', '40-report']) {
      const manifest = await readFile(join(ROOT, `manifests/demo/${file}.yaml`), 'utf8');
      const moved = manifest.replace('18080', `${ports[0]}`).replace('18081', `${ports[1]}`);
      await operator.ok(['apply', '-f', '-'], moved);
    }
    await operator.available('web', 'counter');
    for (const keepAlive of [true, true, false, false]) {
      clients.push(startTraffic({ url: `http://127.0.0.1:${ports[0]}/`, keepAlive, pauseMs: 20 }));
    }
    const onBody = (body: string) => counts.push(Number(body));
    const url = `http://127.0.0.1:${ports[1]}/next`;
    clients.push(startTraffic({ url, keepAlive: true, pauseMs: 20, onBody }));
  }

  /** Where the counter is, and with it its volume. */
  async function nodeOfCounter(): Promise<string> {
    const { items } = await client.list('Alloc');
    return (
      items.find(({ spec, status }) => spec.owner.name === 'counter' && status.phase === 'healthy')?.spec
        .node ?? 'none'
    );
  }

  /** Drains a node; as soon as something moves, the leader of a role is killed, and then NATS's leader of the stream. */
  async function drainThroughKills(node: string, role: string) {
    const drain = operator.start('drain', node);
    const outcome = collect(drain);
    if (!drain.stdout) throw new Error('no standard output');
    for await (const line of createInterface({ input: drain.stdout })) if (line.includes('placed')) break;
    drain.stdout.resume();
    const killed = await killLeaders(cluster, client, role);
    return { outcome: await outcome, killed };
  }

  async function expectNothingLost(): Promise<void> {
    expect(clients.flatMap(({ failures }) => failures)).to.deep.equal([]);
    expect(counts).to.deep.equal(counts.map((_, index) => (counts[0] ?? 0) + index));
    const { items: events } = await client.list('Event');
    expect(events.map(({ spec }) => spec.reason)).to.not.include('NodeDown');
    for (const { name, logFile } of cluster.agents)
      expect(await readFile(logFile, 'utf8'), name).to.not.include('no server was reached');
  }

  for (const role of ['drain', 'writer']) {
    it(`loses nothing when the server that leads "${role}" is killed in its middle, and then NATS's leader`, async () => {
      const node = await nodeOfCounter();
      const { outcome, killed } = await drainThroughKills(node, role);
      expect(outcome, outcome.stdout).to.include({ code: 0, stderr: '' });
      expect(outcome.stdout).to.include(`node/${node} drained`);
      expect(await operator.ok(['remove', node])).to.include(`node/${node} removed`);
      // They come back, and it goes on with them.
      await Promise.all(killed.map((each) => each.start()));
      await cluster.nats.ready();
      await operator.available('web', 'counter');
      await expectNothingLost();
    });
  }
});
