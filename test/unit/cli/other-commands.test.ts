import { expect } from 'chai';
import { FakeConnection } from './fake-connection.ts';
import { run } from './fake-surroundings.ts';
import { fleet } from './fleet.ts';
import { alloc, node } from './objects.ts';

describe('other commands', () => {
  it('cordon and uncordon write only what changes', async () => {
    const connection = fleet();
    expect((await run('cordon node-1', { connection })).stdout).to.equal('node/node-1 cordoned\n');
    expect((await run('cordon node-1', { connection })).stdout).to.equal('node/node-1 cordoned already\n');
    expect((await run('uncordon node-1 nope', { connection })).exitCode).to.equal(1);
    expect(connection.writes).to.have.length(2);
  });

  it('scale sets the replicas', async () => {
    const connection = fleet();
    await run('scale web --replicas 5', { connection });
    expect(connection.writes).to.deep.equal(['patch Service/web {"spec":{"replicas":5}}']);
  });

  it('delete waits until the object is gone, and names what was not there', async () => {
    const connection = fleet();
    const { exitCode, stdout, stderr } = await run('delete node node-1 nope', { connection });
    expect([exitCode, stdout, stderr]).to.deep.equal([
      1,
      'node/node-1 deleted\n',
      'mill: node/nope not found\n',
    ]);
    expect((await run('delete node nope --ignore-not-found', { connection })).exitCode).to.equal(0);
  });

  it('logs of an alloc are as they are, those of a service have the alloc before each line', async () => {
    const connection = fleet();
    expect((await run('logs web-0', { connection })).stdout).to.equal('one of web-0\ntwo of web-0\n');
    connection.put(alloc('web-1', 'node-1', { kind: 'Service', name: 'web' }));
    const { stdout } = await run('logs web', { connection });
    expect(stdout.split('\n').sort().join('\n').trim()).to.equal(
      '[web-0] one of web-0\n[web-0] two of web-0\n[web-1] one of web-1\n[web-1] two of web-1',
    );
    expect((await run('logs nope', { connection })).exitCode).to.equal(1);
  });

  it('kubeconfig has server and credential', async () => {
    const { stdout } = await run('kubeconfig -o json', { env: { MILL_TOKEN: 'tok' } });
    const config = JSON.parse(stdout) as object;
    expect(config).to.have.nested.property('clusters[0].cluster.server', 'https://127.0.0.1:4400');
    expect(config).to.have.nested.property('users[0].user.token', 'tok');
  });

  it('completion offers commands, flags, kinds and names', async () => {
    const complete = async (...words: string[]) =>
      (await run(['__complete', 'words', '--', ...words], { connection: fleet() })).stdout.trim().split('\n');
    expect(await complete('dr')).to.deep.equal(['drain']);
    expect(await complete('drain', '')).to.deep.equal(['node-1', 'node-2']);
    expect(await complete('drain', '--dr')).to.deep.equal(['--dry-run']);
    expect(await complete('get', 'serv')).to.deep.equal(['services']);
    expect(await complete('get', 'nodes', '-o', 'j')).to.deep.equal(['json']);
    expect(await complete('describe', 'node/node-1')).to.deep.equal(['node/node-1']);
    expect((await run('__complete names nodes', { connection: fleet() })).stdout).to.equal(
      'node-1\nnode-2\n',
    );
    for (const shell of ['bash', 'zsh', 'fish']) {
      expect((await run(`completion ${shell}`)).stdout).to.include('mill __complete words --');
    }
  });

  it('wait ends when the condition is there for this generation', async () => {
    const conditions = [
      {
        type: 'Ready',
        status: 'True',
        reason: 'HeartbeatFresh',
        message: '',
        observedGeneration: 1,
        lastTransitionTime: '',
      },
    ] as const;
    const connection = new FakeConnection(
      node('node-1', {}, { conditions: [...conditions] }),
      node('node-2'),
    );
    expect((await run('wait node/node-1 --for condition=Ready', { connection })).exitCode).to.equal(0);
    const late = await run('wait node/node-2 --for condition=Ready --timeout 1s', { connection });
    expect([late.exitCode, late.stderr]).to.deep.equal([
      1,
      'mill: node/node-2: still not condition=Ready after 1s\n',
    ]);
  });

  it('describe shows conditions, what belongs to it, and events', async () => {
    const { stdout } = await run('describe node node-1', { connection: fleet() });
    expect(stdout).to.match(/^Node node-1\n/);
    expect(stdout).to.match(/\nAllocs:\n {2}NAME .*\n {2}web-0 /);
    expect(stdout).to.include('none about node/node-1');
  });
});
