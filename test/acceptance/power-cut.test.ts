/** All machines lose their power in the middle of a drain: NATS, mill servers, agents, gateway and workloads at once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { type Cluster, startCluster } from '../../hack/cluster/cluster.ts';
import { natsDir, needsNats } from '../vocabulary/nats.ts';
import { counter, node, web } from './fleet.ts';
import { collect, freePort, type Outcome, ROOT } from './mill.ts';

const PATIENCE_MS = 120_000;

describe('a cluster whose machines lose their power', function () {
  this.timeout(2 * PATIENCE_MS);
  let cluster: Cluster;
  let dir: string;

  before(async function () {
    await needsNats(this, 'current');
    dir = await natsDir();
    cluster = await startCluster({ dir, agents: 3 });
  });
  after(async () => {
    await cluster?.close();
    await rm(dir, { recursive: true, force: true });
  });

  function start(...words: string[]): ChildProcess {
    const env = { ...process.env, ...cluster.env };
    return spawn(process.execPath, [join(ROOT, 'dist/main.js'), ...words], { env });
  }

  async function ok(words: readonly string[], input = ''): Promise<string> {
    const child = start(...words);
    child.stdin?.end(input);
    const { code, stdout, stderr }: Outcome = await collect(child);
    expect(code, `mill ${words.join(' ')}: ${stderr}`).to.equal(0);
    return stdout;
  }

  /** Begins a drain, and resolves when it has got so far. */
  async function drainUntil(node: string, line: RegExp): Promise<void> {
    const drain = start('drain', node);
    if (!drain.stdout) throw new Error('no standard output');
    for await (const said of createInterface({ input: drain.stdout })) if (line.test(said)) break;
    drain.kill('SIGKILL');
  }

  it('has what it acknowledged, and ends the drain that was under way', async () => {
    const objects = [web('web', { replicas: 3 }), ...counter(await freePort(), 'node-3')];
    await ok(['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));
    for (const service of ['web', 'counter']) {
      await ok(['wait', `service/${service}`, '--for', 'condition=Available', '--timeout', '60s']);
    }
    // A replacement that runs when its machine goes down has failed, and the drain with it: here it is not started yet.
    for (const name of ['node-1', 'node-2']) cluster.program(name).pause();
    await drainUntil('node-3', /: placed$/);
    await ok(['create', '-f', '-'], stringify(node('last-word', {})));

    await cluster.powerCut();
    await cluster.powerOn();

    expect(await ok(['get', 'nodes', '-o', 'name'])).to.include('node/last-word\n');
    await ok(['wait', 'node/node-3', '--for', 'condition=Drained', '--timeout', '100s']);
    for (const service of ['web', 'counter']) {
      await ok(['wait', `service/${service}`, '--for', 'condition=Available', '--timeout', '60s']);
    }
    const { items } = JSON.parse(await ok(['get', 'allocs', '-o', 'json'])) as {
      items: { spec: { node: string }; status: { phase: string } }[];
    };
    const left = items.filter(({ spec, status }) => spec.node === 'node-3' && status.phase === 'healthy');
    expect(left).to.deep.equal([]);
  });
});
