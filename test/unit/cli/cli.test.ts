import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { COMMANDS } from '../../../api/cli/commands/index.ts';
import type { AgentOptions, GatewayOptions, ServerOptions, UpOptions } from '../../../api/cli/processes.ts';
import { ApiError } from '../../../api/errors.ts';
import { run } from './fake-surroundings.ts';
import { fleet } from './fleet.ts';

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
