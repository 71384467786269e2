import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { COMMANDS } from '../../../api/cli/commands/index.ts';
import type { AgentOptions, GatewayOptions, ServerOptions, UpOptions } from '../../../api/cli/processes.ts';
import { ApiError } from '../../../api/errors.ts';
import { FakeConnection } from './fake-connection.ts';
import { FakeSurroundings, run, runIn } from './fake-surroundings.ts';
import { alloc, node, reporting, service } from './objects.ts';

const fleet = () =>
  new FakeConnection(
    node('node-1'),
    node('node-2', {}, { phase: 'down' }),
    service('web', 2, 2),
    alloc('web-0', 'node-1', { kind: 'Service', name: 'web' }),
  );

describe('the command line', () => {
  for (const words of [
    'nope',
    'get',
    'get nope',
    'get nodes -o nope',
    'get --nope',
    'get node/a -l x=y',
    'drain',
    'drain node-3 -l x=y',
    'drain node-3 --max-parallel 0',
    'drain node-3 --deadline soon',
    'remove',
    'apply',
    'scale web',
    'scale web --replicas many',
    'scale node/a --replicas 1',
    'delete nodes',
    'delete node a --wait=perhaps',
    'logs node/a',
    'wait node/a',
    'wait node/a --for ever',
    'completion tcsh',
    'explain nope',
    'up --nodes some',
    'up --listen nowhere',
    'server --name No',
    'server --node No.',
    'nodes --server http://a:b',
  ]) {
    it(`"mill ${words}" is wrong usage: exit 2, one whole line first`, async () => {
      const { exitCode, stdout, stderr } = await run(words, { connection: fleet() });
      expect(exitCode).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr).to.match(/^mill: [^\n]+\n/);
      expect(stderr).to.not.include('    at ');
    });
  }

  it('suggests the command that was meant', async () => {
    expect((await run('nodess')).stderr).to.match(
      /^mill: unknown command 'nodess'\n\(Did you mean nodes\?\)/,
    );
  });

  it('helps, exit 0, without a server', async () => {
    for (const words of ['', '--help', 'help', 'help drain', 'drain --help']) {
      const { exitCode, stdout } = await run(words);
      expect(exitCode, words).to.equal(0);
      expect(stdout, words).to.include('Examples:');
    }
  });

  for (const [name, { hidden }] of Object.entries(COMMANDS)) {
    if (hidden) continue;
    it(`"mill ${name} --help" has examples`, async () => {
      const { exitCode, stdout } = await run([name, '--help']);
      expect(exitCode).to.equal(0);
      expect(stdout).to.match(new RegExp(`Examples:\\n(.*\\n)*? .*mill ${name}`));
    });
  }

  it('tells a refusal by exit 1, a server that is away by exit 3, and gives no stack', async () => {
    const away = fleet();
    away.isAway = true;
    const unreachable = await run('nodes', { connection: away });
    expect(unreachable.exitCode).to.equal(3);
    expect(unreachable.stderr).to.equal(
      'mill: cannot reach the server at https://127.0.0.1:4400: connection refused; is "mill up" running?\n',
    );
    const missing = await run('get node node-9', { connection: fleet() });
    expect([missing.exitCode, missing.stderr]).to.deep.equal([1, 'mill: node "node-9" not found\n']);
    const unauthorized = fleet();
    unauthorized.list = () => Promise.reject(new ApiError('Unauthorized', 'no'));
    const refused = await run('get nodes -o json', { connection: unauthorized });
    expect(refused.exitCode).to.equal(1);
    expect(refused.stderr).to.match(/^mill: https:\/\/127.0.0.1:4400 does not take this credential/);
  });

  it('knows its version', async () => {
    const { version } = JSON.parse(
      readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
    ) as {
      version: string;
    };
    expect((await run('--version')).stdout).to.equal(`mill ${version}\n`);
  });

  it('hands the processes their options', async () => {
    const given: unknown[] = [];
    const keep = async (options: UpOptions | ServerOptions | AgentOptions | GatewayOptions) => {
      given.push(JSON.parse(JSON.stringify(options)));
      return 7;
    };
    const options = {
      processes: { up: keep, server: keep, agent: keep, gateway: keep },
      env: { XDG_DATA_HOME: '/data' },
    };
    expect((await run('up --nodes 5 --listen 127.0.0.1:0 -f a -f b', options)).exitCode).to.equal(7);
    await run('server --nats nats://a,nats://b --data d --name one --node n --volumes v', options);
    await run('agent --node n --server 10.0.0.1,10.0.0.2 --token t --label a=b --label c=d', options);
    await run('gateway --listen-host 0.0.0.0', options);
    expect(given).to.deep.equal([
      { nodes: 5, listen: '127.0.0.1:0', data: '/data/mill/up', logLevel: 'info' },
      {
        listen: '127.0.0.1:4400',
        data: 'd',
        nats: { servers: ['nats://a', 'nats://b'], bucket: 'mill' },
        serverName: 'one',
        node: 'n',
        volumes: 'v',
        tlsNames: [],
        logLevel: 'info',
      },
      {
        node: 'n',
        servers: ['https://10.0.0.1:4400', 'https://10.0.0.2:4400'],
        token: 't',
        data: '/data/mill/agent-n',
        labels: { a: 'b', c: 'd' },
        logLevel: 'info',
      },
      { servers: ['https://127.0.0.1:4400'], token: 'secret', listenHost: '0.0.0.0', logLevel: 'info' },
    ]);
  });
});

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
