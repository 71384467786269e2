/** `npm run cluster`: three NATS servers, three mill servers and agents, which outlive what a cluster has to bear. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { workloadsBelow } from '../../hack/cluster/workloads.ts';
import { natsDir, needsNats } from '../vocabulary/nats.ts';
import { collect, type Outcome, ROOT } from './mill.ts';

const START_TIMEOUT_MS = 120_000;

describe('npm run cluster', function () {
  this.timeout(2 * START_TIMEOUT_MS);
  let dir: string;
  let cluster: ChildProcess | undefined;

  before(async function () {
    await needsNats(this, 'current');
    dir = await natsDir();
  });
  after(async () => {
    const isOver = cluster?.exitCode !== null;
    if (!isOver) cluster?.kill('SIGKILL');
    if (isOver && dir) await rm(dir, { recursive: true });
  });

  function spawnCluster(...words: string[]): ChildProcess {
    const command = ['--import', 'tsx', 'hack/cluster/main.ts', ...words];
    return spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Starts it, and reads what it tells its user until he knows enough to use it. @returns the environment it asks for */
  async function start(): Promise<NodeJS.ProcessEnv> {
    cluster = spawnCluster('--agents', '2', '--data', dir);
    const env: NodeJS.ProcessEnv = { ...process.env };
    if (!cluster.stdout) throw new Error('no standard output');
    const lines = createInterface({ input: cluster.stdout });
    for await (const line of lines) {
      const [, name, value] = /^ +export (\w+)=(.*)$/.exec(line) ?? [];
      if (name && value) env[name] = value;
      if (line.includes('kill -9')) return env;
    }
    throw new Error('it ended before it was ready');
  }

  const mill = (env: NodeJS.ProcessEnv, ...words: string[]): Promise<Outcome> =>
    collect(spawn(process.execPath, ['dist/main.js', ...words], { cwd: ROOT, env }));

  async function interrupt(): Promise<void> {
    if (!cluster) throw new Error('nothing was started');
    const exited = once(cluster, 'exit');
    cluster.kill('SIGINT');
    expect(await exited).to.deep.equal([0, null]);
  }

  it('says how it is used, and runs what it is given', async () => {
    const env = await start();
    const nodes = await mill(env, 'nodes', '-o', 'name');
    expect(nodes.stdout).to.equal('node/node-1\nnode/node-2\n');
    expect((await mill(env, 'apply', '-f', 'manifests/demo/20-web.yaml')).code).to.equal(0);
    const waited = await mill(env, 'wait', 'service/web', '--for', 'condition=Available', '--timeout', '60s');
    expect(waited.code, waited.stderr).to.equal(0);
  });

  it('ends everything on Ctrl-C', async () => {
    expect(workloadsBelow(dir)).to.not.be.empty;
    await interrupt();
    expect(workloadsBelow(dir)).to.be.empty;
  });

  it('has its state when it is started again with the same --data', async () => {
    const env = await start();
    expect((await mill(env, 'get', 'services', '-o', 'name')).stdout).to.equal('service/web\n');
    await interrupt();
  });

  for (const [words, why] of [
    [['--agents', 'many'], '--agents "many": a number from 0 to 100'],
    [['--nats', 'old'], '--nats "old": current or stable; three servers need no older one'],
    [['--nodes', '3'], "Unknown option '--nodes'"],
  ] as const) {
    it(`refuses ${words.join(' ')}, and starts nothing`, async () => {
      const { code, stderr, stdout } = await collect(spawnCluster(...words));
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr)
        .to.match(/^cluster: /)
        .and.include(why);
    });
  }
});
