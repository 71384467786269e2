/** All machines lose their power in the middle of a drain: NATS, mill servers, agents, gateway and workloads at once. */
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { stringify } from 'yaml';
import type { Alloc } from '../../api/kinds/alloc.ts';
import type { Migration } from '../../api/kinds/migration.ts';
import { type Cluster, startCluster } from '../../hack/cluster/cluster.ts';
import { natsDir, needsNats } from '../vocabulary/nats.ts';
import { counter, node, web } from './fleet.ts';
import { freePort } from './mill.ts';
import { Operator } from './operator.ts';
import { activeOn } from './witness.ts';

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

  async function list<T>(kind: string): Promise<readonly T[]> {
    return (JSON.parse(await operator.ok(['get', kind, '-o', 'json'])) as { items: readonly T[] }).items;
  }

  /** The replacement of an alloc, once its process runs and is healthy. */
  async function runningReplacement(alloc: string): Promise<Alloc> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = (await list<Alloc>('allocs')).find(({ spec }) => spec.replaces === alloc);
      if (found?.status.phase === 'healthy') return found;
      if (performance.now() > giveUpAt) throw new Error(`the replacement of ${alloc} does not run`);
    }
  }

  it('has what it acknowledged, and ends the drain that was under way', async () => {
    const objects = [web('web', { replicas: 3 }), ...counter(await freePort(), 'node-3')];
    await operator.ok(['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));
    await operator.available('web', 'counter');
    // The replacement is placed, and not started yet.
    for (const name of ['node-1', 'node-2']) cluster.program(name).pause();
    await drainUntil('node-3', /: placed$/);
    await operator.ok(['create', '-f', '-'], stringify(node('last-word', {})));

    await cluster.powerCut();
    await cluster.powerOn();

    expect(await operator.ok(['get', 'nodes', '-o', 'name'])).to.include('node/last-word\n');
    await operator.ok(['wait', 'node/node-3', '--for', 'condition=Drained', '--timeout', '100s']);
    await operator.available('web', 'counter');
    expect(activeOn(await list('allocs'), 'node-3')).to.deep.equal([]);
  });

  it('ends a drain whose replacement ran, and was lost with its machine', async () => {
    await operator.ok(['undrain', 'node-3']);
    const slow = web('slow', { replicas: 1, migration: { minHealthy: '15s' } });
    await operator.ok(['apply', '-f', '-'], stringify(slow));
    await operator.available('slow');
    const original = (await list<Alloc>('allocs')).find(({ spec }) => spec.owner.name === 'slow');
    const { node: leaving = '' } = original?.spec ?? {};
    const { name = '' } = original?.metadata ?? {};
    await drainUntil(leaving, new RegExp(`^${name} .*: placed$`));
    const first = await runningReplacement(name);

    await cluster.powerCut();
    // The others find out that the replacement is lost before anything is heard of its original.
    await cluster.powerOn({ later: [leaving] });
    await drainUntil(leaving, /was lost, another one is tried$/);
    await cluster.program(leaving).start();

    await operator.ok(['wait', `node/${leaving}`, '--for', 'condition=Drained', '--timeout', '100s']);
    await operator.available('slow');
    const migration = (await list<Migration>('migrations')).find(({ spec }) => spec.alloc === name);
    expect(migration?.status).to.deep.include({ phase: 'done', lost: [first.metadata.name] });
    expect(activeOn(await list('allocs'), leaving)).to.deep.equal([]);
  });
});
