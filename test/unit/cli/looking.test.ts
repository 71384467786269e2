import { expect } from 'chai';
import { FakeConnection } from './fake-connection.ts';
import { FakeSurroundings, run, runIn } from './fake-surroundings.ts';
import { fleet } from './fleet.ts';
import { node, reporting, service } from './objects.ts';

describe('mill get', () => {
  it('prints the table of the server, columns of low priority with -o wide only', async () => {
    expect((await run('get nodes', { connection: fleet() })).stdout).to.equal(
      'NAME     KIND\nnode-1   Node\nnode-2   Node\n',
    );
    expect((await run('get nodes -o wide', { connection: fleet() })).stdout).to.match(
      /^NAME +KIND +REVISION\n/,
    );
    expect((await run('nodes', { connection: fleet() })).stdout).to.match(/^NAME +KIND\n/);
  });

  it('--consistent asks for all that was acknowledged, and does not go with -w', async () => {
    for (const words of [
      'get nodes',
      'get node node-1',
      'get nodes -o yaml',
      'get node node-1 -o json',
      'nodes',
    ]) {
      const connection = fleet();
      await run(`${words} --consistent`, { connection });
      expect(connection.reads, words).to.have.length(1);
      expect(connection.reads[0], words).to.include({ consistency: 'linearizable' });
    }
    const { exitCode, stderr } = await run('nodes -w --consistent', { connection: fleet() });
    expect([exitCode, stderr]).to.deep.equal([2, 'mill: -w and --consistent do not go together\n']);
  });

  it('prints several kinds with the kind before the name', async () => {
    const { stdout } = await run('get no,svc', { connection: fleet() });
    expect(stdout).to.match(/node\/node-1 .*\n\nNAME +KIND\nservice\/web /s);
  });

  it('prints the List of the API, or the object', async () => {
    const list = JSON.parse((await run('get nodes -o json', { connection: fleet() })).stdout) as Record<
      string,
      unknown
    >;
    expect(list).to.include({ apiVersion: 'mill.dev/v1alpha1', kind: 'NodeList' });
    expect(list.metadata).to.deep.equal({ resourceVersion: '100' });
    expect(list.items).to.have.length(2);
    const one = JSON.parse((await run('get node/node-1 -o json', { connection: fleet() })).stdout) as object;
    expect(one).to.have.nested.property('metadata.name', 'node-1');
    expect((await run('get node node-1 -o yaml', { connection: fleet() })).stdout).to.match(
      /^apiVersion: .*\nkind: Node\n/,
    );
    expect((await run('get nodes -o name', { connection: fleet() })).stdout).to.equal(
      'node/node-1\nnode/node-2\n',
    );
  });

  it('says on stderr that there is nothing, and exits 0', async () => {
    const { exitCode, stdout, stderr } = await run('get tasks', { connection: fleet() });
    expect([exitCode, stdout, stderr]).to.deep.equal([0, '', 'no tasks found\n']);
  });

  it('-w goes on with every change until Ctrl-C', async () => {
    const connection = fleet();
    const surroundings = new FakeSurroundings({ connection });
    const exitCode = runIn(surroundings, 'get nodes -w');
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    while (connection.watchCount === 0) await turn();
    connection.put(node('node-3'));
    connection.remove('Node', 'node-1');
    while (!surroundings.out.includes('deleted')) await turn();
    for (const interrupt of surroundings.interrupts) interrupt();
    expect(await exitCode).to.equal(130);
    expect(surroundings.out).to.equal(
      'NAME     KIND\nnode-1   Node\nnode-2   Node\nnode-3   Node\nnode-1 deleted\n',
    );
  });

  it('lets no object write control characters to a terminal', async () => {
    const connection = fleet();
    const bad = { columnDefinitions: [{ name: 'Name' }], rows: [{ cells: ['a\u001b[2J\nb'] }] };
    connection.getTable = async () => bad;
    expect((await run('get nodes', { connection })).stdout).to.equal('NAME\na [2J b\n');
  });
});

describe('mill status', () => {
  it('begins with the nodes and ends with the verdict', async () => {
    const { stdout } = await run('status', { connection: fleet() });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).to.equal('2 nodes (1 ready, 1 down)');
    expect(stdout).to.match(/\n {2}web +2\/2\n/);
    expect(stdout).to.include('node/node-2: down');
    expect(lines.at(-1)).to.equal('all services healthy');
  });

  it('says what is not well and why, and which drains are under way', async () => {
    const failures = [{ service: 'web', alloc: 'web-0', reason: 'NoPlace', message: 'all nodes are full' }];
    const connection = new FakeConnection(
      reporting(node('node-3', { drain: true }), { failures }),
      service('web', 1, 2),
    );
    const { stdout } = await run('status', { connection });
    expect(stdout).to.match(/node-3 +migrating +0\/1/);
    expect(stdout).to.include('its drain: service "web": alloc web-0: NoPlace: all nodes are full');
    expect(stdout).to.include('service/web: 1 of 2 healthy');
    expect(stdout.trimEnd().split('\n').at(-1)).to.equal('1 service not healthy');
    const json = JSON.parse((await run('status -o json', { connection })).stdout) as object;
    expect(json).to.include({ allServicesHealthy: false });
  });

  it('uses colours on a terminal only, and not where NO_COLOR says no', async () => {
    const connection = fleet();
    expect((await run('status', { connection })).stdout).to.not.include('\u001b');
    expect((await run('status', { connection, isTTY: true })).stdout).to.include('\u001b[1m');
    expect((await run('status --no-color', { connection, isTTY: true })).stdout).to.not.include('\u001b');
    expect((await run('status', { connection, isTTY: true, env: { NO_COLOR: '1' } })).stdout).to.not.include(
      '\u001b',
    );
  });
});
