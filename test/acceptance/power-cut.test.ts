/** All machines lose their power in the middle of a drain: NATS, mill servers, agents, gateway and workloads at once. */
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { type Cluster, startCluster } from '../../hack/cluster/cluster.ts';
import { natsDir, needsNats } from '../vocabulary/nats.ts';
import { counter, node, web } from './fleet.ts';
import { freePort } from './mill.ts';
import { Operator } from './operator.ts';

const PATIENCE_MS = 120_000;

describe('a cluster whose machines lose their power', function () {
  this.timeout(2 * PATIENCE_MS);
  let cluster: Cluster;
  let operator: Operator;
  let dir: string;

  before(async function () {
    await needsNats(this, 'current');
    dir = await natsDir();
    cluster = await startCluster({ dir, agents: 3 });
    operator = new Operator(cluster);
  });
  after(async () => {
    await cluster?.close();
    await rm(dir, { recursive: true, force: true });
  });

  /** Begins a drain, and resolves when it has got so far. */
  async function drainUntil(node: string, line: RegExp): Promise<void> {
    const drain = operator.start('drain', node);
    if (!drain.stdout) throw new Error('no standard output');
    for await (const said of createInterface({ input: drain.stdout })) if (line.test(said)) break;
    drain.kill('SIGKILL');
  }

  it('has what it acknowledged, and ends the drain that was under way', async () => {
    const objects = [web('web', { replicas: 3 }), ...counter(await freePort(), 'node-3')];
    await operator.ok(['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));
    await operator.available('web', 'counter');
    // A replacement that runs when its machine goes down has failed, and the drain with it: here it is not started yet.
    for (const name of ['node-1', 'node-2']) cluster.program(name).pause();
    await drainUntil('node-3', /: placed$/);
    await operator.ok(['create', '-f', '-'], stringify(node('last-word', {})));

    await cluster.powerCut();
    await cluster.powerOn();

    expect(await operator.ok(['get', 'nodes', '-o', 'name'])).to.include('node/last-word\n');
    await operator.ok(['wait', 'node/node-3', '--for', 'condition=Drained', '--timeout', '100s']);
    await operator.available('web', 'counter');
    const { items } = JSON.parse(await operator.ok(['get', 'allocs', '-o', 'json'])) as {
      items: { spec: { node: string }; status: { phase: string } }[];
    };
    const left = items.filter(({ spec, status }) => spec.node === 'node-3' && status.phase === 'healthy');
    expect(left).to.deep.equal([]);
  });
});
