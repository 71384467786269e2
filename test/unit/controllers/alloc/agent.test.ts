import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { ConnectionError } from '../../../../api/client/client.ts';
import { createFleet, type Fleet, freePort, SERVER } from './fleet.ts';

describe('an agent with real processes', () => {
  let fleet: Fleet;
  const isThere = (pid: number | undefined) => {
    try {
      return pid !== undefined && process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const web = (template: object = {}) =>
    fleet.service('web', { ports: [{ name: 'http' }], template: { command: SERVER, ...template } });
  const job = (command: string[]) =>
    fleet.client.create({ kind: 'Task', metadata: { name: 'job' }, spec: { template: { command } } });
  const shell = (script: string) => ['sh', '-c', script];

  beforeEach(async () => {
    fleet = await createFleet();
    await fleet.node('node-1');
    await fleet.node('node-2');
  });
  afterEach(() => fleet.close());

  it('makes its node ready, and publishes its peer', async () => {
    await fleet.agent('node-1');
    await fleet.until('Node', 'node-1', (node) => node?.status.phase === 'ready');
    const peer = await fleet.until('Peer', 'node-1', (object) => object);
    expect(Buffer.from(peer?.spec.publicKey ?? '', 'base64')).to.have.length(32);
  });

  it('brings an alloc to healthy, and stops it when it is unrouted', async () => {
    await fleet.agent('node-1');
    await fleet.until('Node', 'node-1', (node) => node?.status.phase === 'ready');
    await fleet.alloc('web-0-a', await web(), 'node-1');
    const healthy = await fleet.phase('web-0-a', 'healthy');
    expect(healthy?.status).to.include({ address: '127.0.0.1', observedGeneration: 1 });
    expect(healthy?.status.ports?.[0]?.name).to.equal('http');
    expect(isThere(healthy?.status.pid)).to.equal(true);
    await fleet.until('Alloc', 'web-0-a', (alloc) => alloc?.status.route === 'routed');
    await fleet.desire('web-0-a', 'stopped');
    const stopped = await fleet.phase('web-0-a', 'stopped');
    expect(stopped?.status).to.include({ route: 'unrouted', reason: 'Stopped' });
    expect(isThere(healthy?.status.pid)).to.equal(false);
  });

  it('routes requests through a gateway to the alloc, and hands over without losing one', async () => {
    await Promise.all([fleet.agent('node-1'), fleet.agent('node-2'), fleet.gateway('edge')]);
    await fleet.until('Node', 'node-1', (node) => node?.status.phase === 'ready');
    await fleet.until('Node', 'node-2', (node) => node?.status.phase === 'ready');
    const gatewayPort = await freePort();
    const owner = await fleet.service('web', {
      replicas: 2,
      ports: [{ name: 'http', gatewayPort }],
      template: { command: SERVER },
    });
    const routed = (alloc: string) =>
      fleet.until('Alloc', alloc, (object) => object?.status.route === 'routed');
    const ask = async () => (await fetch(`http://127.0.0.1:${gatewayPort}/`)).text();
    await fleet.alloc('web-0-a', owner, 'node-1');
    await routed('web-0-a');
    expect(await ask()).to.equal('web-0-a');
    await fleet.alloc('web-1-b', owner, 'node-2', { slot: 1 });
    await routed('web-1-b');
    let isOver = false;
    const answers: string[] = [];
    const traffic = (async () => {
      while (!isOver) answers.push(await ask());
    })();
    await fleet.desire('web-0-a', 'stopped');
    await fleet.phase('web-0-a', 'stopped');
    isOver = true;
    await traffic;
    expect(answers.filter((answer) => answer !== 'web-0-a' && answer !== 'web-1-b')).to.deep.equal([]);
    expect(await ask()).to.equal('web-1-b');
  });

  it('reports at once how a process ended by itself', async () => {
    await fleet.agent('node-1');
    await fleet.until('Node', 'node-1', (node) => node?.status.phase === 'ready');
    await fleet.alloc('web-0-a', await web({ command: shell('exit 3') }), 'node-1');
    const failed = await fleet.phase('web-0-a', 'failed');
    expect(failed?.status).to.include({ reason: 'ExitedNonZero', exitCode: 3 });
    await fleet.alloc('job-a', await job(shell('exit 0')), 'node-1');
    const done = await fleet.phase('job-a', 'stopped');
    expect(done?.status).to.include({ reason: 'Completed', exitCode: 0 });
  });

  it('says why a process cannot be started', async () => {
    await fleet.agent('node-1');
    await fleet.until('Node', 'node-1', (node) => node?.status.phase === 'ready');
    await fleet.alloc('web-0-a', await web({ command: ['no-such-program'] }), 'node-1');
    const failed = await fleet.phase('web-0-a', 'failed');
    expect(failed?.status).to.include({
      reason: 'StartFailed',
      message: 'cannot start "no-such-program": no such command',
    });
  });

  it('adopts what an earlier agent left, without a break in its health', async () => {
    const first = await fleet.agent('node-1');
    await fleet.until('Node', 'node-1', (node) => node?.status.phase === 'ready');
    await fleet.alloc('web-0-a', await web(), 'node-1');
    const before = await fleet.phase('web-0-a', 'healthy');
    await first.close({ stopWorkloads: false });
    expect(isThere(before?.status.pid)).to.equal(true);
    const phases: (string | undefined)[] = [];
    fleet.store.subscribe({ kinds: ['Alloc'] }, ({ object }) => {
      if (object.kind === 'Alloc') phases.push(object.status.phase);
    });
    await fleet.agent('node-1');
    await fleet.desire('web-0-a', 'stopped');
    const after = await fleet.phase('web-0-a', 'stopped');
    expect(after?.status).to.include({ startedAt: before?.status.startedAt });
    expect(after?.status.ports).to.deep.equal(before?.status.ports);
    expect(new Set(phases)).to.not.include('running');
    expect(phases).to.not.include('failed');
  });

  it('fails an alloc whose process went while no agent was there', async () => {
    const first = await fleet.agent('node-1');
    await fleet.until('Node', 'node-1', (node) => node?.status.phase === 'ready');
    await fleet.alloc('web-0-a', await web(), 'node-1');
    await fleet.phase('web-0-a', 'healthy');
    await first.close({ stopWorkloads: true });
    await fleet.agent('node-1');
    const failed = await fleet.phase('web-0-a', 'failed');
    expect(failed?.status.reason).to.be.oneOf(['AgentLost', 'Killed']);
  });

  it('gives a volume to its alloc, takes it along through a suspension, and hands it to another node', async () => {
    await Promise.all([fleet.agent('node-1'), fleet.agent('node-2')]);
    for (const name of ['node-1', 'node-2'])
      await fleet.until('Node', name, (node) => node?.status.phase === 'ready');
    await fleet.client.create({ kind: 'Volume', metadata: { name: 'data' }, spec: {} });
    const command = shell('echo "$MILL_ALLOC" >> "$MILL_VOLUME_DATA/who"; exec sleep 60');
    const owner = await fleet.service('db', {
      template: {
        command,
        health: { exec: { command: ['true'] } },
        volumes: [{ name: 'data', volume: 'data', path: 'data' }],
      },
    });
    await fleet.alloc('db-0-a', owner, 'node-1');
    await fleet.phase('db-0-a', 'healthy');
    const attached = await fleet.client.get('Volume', 'data');
    expect(attached.status).to.include({ phase: 'attached', node: 'node-1', mounted: true });

    const spec = { alloc: 'db-0-a', service: 'db', node: 'node-1', reason: 'update' };
    await fleet.client.create({ kind: 'Migration', metadata: { name: 'db-0-a' }, spec });
    await fleet.desire('db-0-a', 'suspended');
    await fleet.phase('db-0-a', 'suspended');
    await fleet.client.patch('Volume', 'data', { spec: { node: null } });
    await fleet.until('Volume', 'data', (volume) => volume?.status.phase === 'ready');
    await fleet.client.patch('Volume', 'data', { spec: { node: 'node-1' } });
    await fleet.desire('db-0-a', 'running');
    await fleet.phase('db-0-a', 'healthy');

    await fleet.desire('db-0-a', 'stopped');
    await fleet.phase('db-0-a', 'stopped');
    await fleet.alloc('db-0-b', owner, 'node-2');
    await fleet.phase('db-0-b', 'healthy');
    const moved = await fleet.client.get('Volume', 'data');
    expect(moved.status).to.include({ phase: 'attached', node: 'node-2', mounted: true });
    const who = await readFile(`${moved.status.handle}/attached/node-2/who`, 'utf8');
    expect(who.trim().split('\n')).to.deep.equal(['db-0-a', 'db-0-a', 'db-0-b']);
  });

  it('kills what writes to a volume when no server is reached, and nothing else, and says so afterwards', async () => {
    let isCut = false;
    const agentClient = fleet.agentClient('node-1');
    const patch = agentClient.patch.bind(agentClient);
    agentClient.patch = (kind, name, part, options) =>
      isCut ? Promise.reject(new ConnectionError('no route')) : patch(kind, name, part, options);
    await fleet.agent('node-1', { client: agentClient, renewEveryMs: 20, fenceAfterMs: 150 });
    await fleet.until('Node', 'node-1', (node) => node?.status.phase === 'ready');
    await fleet.client.create({ kind: 'Volume', metadata: { name: 'data' }, spec: {} });
    const db = await fleet.service('db', {
      template: {
        command: ['sleep', '60'],
        health: { exec: { command: ['true'] } },
        volumes: [{ name: 'data', volume: 'data', path: 'data' }],
      },
    });
    await fleet.alloc('db-0-a', db, 'node-1');
    await fleet.alloc('web-0-a', await web(), 'node-1');
    await Promise.all([fleet.phase('db-0-a', 'healthy'), fleet.phase('web-0-a', 'healthy')]);
    isCut = true;
    const killed = await fleet.phase('db-0-a', 'failed');
    expect(killed?.status).to.include({ reason: 'AgentLost' });
    expect(killed?.status.message).to.include('reached no server');
    expect((await fleet.client.get('Alloc', 'web-0-a')).status.phase).to.equal('healthy');
    isCut = false;
    await fleet.client.patch('Alloc', 'db-0-a', { spec: { desired: 'stopped' } });
    await fleet.alloc('db-0-b', db, 'node-1');
    await fleet.phase('db-0-b', 'healthy');
  });

  it('keeps its grip on a suspended alloc, and starts it with the same ports', async () => {
    await fleet.agent('node-1');
    await fleet.until('Node', 'node-1', (node) => node?.status.phase === 'ready');
    await fleet.alloc('web-0-a', await web(), 'node-1');
    const before = await fleet.phase('web-0-a', 'healthy');
    const spec = { alloc: 'web-0-a', service: 'web', node: 'node-1', reason: 'update' };
    await fleet.client.create({ kind: 'Migration', metadata: { name: 'web-0-a' }, spec });
    await fleet.desire('web-0-a', 'suspended');
    const suspended = await fleet.phase('web-0-a', 'suspended');
    expect(suspended?.status).to.include({ route: 'unrouted' });
    expect(suspended?.status).to.not.have.any.keys('pid', 'healthyAt', 'finishedAt');
    expect(isThere(before?.status.pid)).to.equal(false);
    await fleet.desire('web-0-a', 'running');
    const after = await fleet.phase('web-0-a', 'healthy');
    expect(after?.status.ports).to.deep.equal(before?.status.ports);
    expect(after?.status.suspendedAt).to.equal(undefined);
    await fleet.until('Alloc', 'web-0-a', (alloc) => alloc?.status.route === 'routed');
  });

  it('ends when its node is gone', async () => {
    const agent = await fleet.agent('node-1');
    await fleet.client.delete('Node', 'node-1');
    await fleet.client.patch('Node', 'node-1', { metadata: { finalizers: [] } });
    expect(await agent.closed).to.equal('removed');
  });

  it('stops all that it still runs, and ends, when its credential is revoked', async () => {
    const agent = await fleet.agent('node-1', { renewEveryMs: 20 });
    await fleet.until('Node', 'node-1', (node) => node?.status.phase === 'ready');
    await fleet.alloc('web-0-a', await web(), 'node-1');
    const healthy = await fleet.phase('web-0-a', 'healthy');
    await fleet.client.patch('Credential', 'node-1', { spec: { revoked: true } });
    expect(await agent.closed).to.equal('removed');
    expect(isThere(healthy?.status.pid)).to.equal(false);
  });
});
