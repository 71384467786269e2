import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findServer } from '../../../api/cli/connection.ts';
import { readContext, writeContext } from '../../../api/cli/context.ts';
import { run } from './fake-surroundings.ts';

describe('a context', () => {
  let home: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'mill-context-'));
    env = { XDG_CONFIG_HOME: home };
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  it('is readable by its owner alone, whatever the directory was before', async () => {
    await mkdir(join(home, 'mill', 'contexts'), { recursive: true, mode: 0o755 });
    const file = await writeContext({ server: 'https://127.0.0.1:4400', ca: 'PEM', token: 't' }, env);
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect((await stat(join(home, 'mill', 'contexts'))).mode & 0o777).to.equal(0o700);
  });

  it('is replaced as a whole, and leaves no draft', async () => {
    await writeContext({ server: 'https://127.0.0.1:4400', token: 'old' }, env);
    await writeContext({ server: 'https://127.0.0.1:4400', token: 'new' }, env);
    expect(await readdir(join(home, 'mill', 'contexts'))).to.deep.equal(['127.0.0.1_4400.json']);
    expect((await readContext('127.0.0.1:4400', env))?.token).to.equal('new');
  });

  it('is found by every spelling of the loopback address, and by no other address', async () => {
    await writeContext({ server: 'https://127.0.0.1:4400', ca: 'PEM', token: 't' }, env);
    for (const server of [
      'localhost:4400',
      'https://localhost',
      '127.0.0.1',
      '[::1]:4400',
      'http://127.0.0.1:4400/',
    ]) {
      expect((await readContext(server, env))?.token, server).to.equal('t');
    }
    for (const server of ['127.0.0.1:4401', '10.0.0.1:4400'])
      expect(await readContext(server, env)).to.equal(undefined);
  });

  it('gives scheme, CA and credential; flags and environment come first', async () => {
    await writeContext({ server: 'http://127.0.0.1:4400', ca: 'PEM', token: 'kept' }, env);
    expect((await findServer({}, env)).options).to.deep.equal({
      servers: ['http://127.0.0.1:4400'],
      ca: 'PEM',
      token: 'kept',
    });
    const inEnv = { ...env, MILL_TOKEN: 'env', MILL_SERVER: 'https://localhost:4400' };
    expect((await findServer({}, inEnv)).options).to.deep.equal({
      servers: ['https://localhost:4400'],
      ca: 'PEM',
      token: 'env',
    });
    expect((await findServer({ token: 'flag', server: '10.0.0.1:1' }, inEnv)).options).to.deep.equal({
      servers: ['https://10.0.0.1:1'],
      token: 'flag',
    });
  });

  it('of any server of a list is good for all of them', async () => {
    await writeContext({ server: 'https://10.0.0.2:4400', ca: 'PEM', token: 'kept' }, env);
    const servers = ['https://10.0.0.1:4400', 'https://10.0.0.2:4400', 'https://10.0.0.3:4400'];
    for (const server of ['10.0.0.1,10.0.0.2,10.0.0.3', servers.join(', ')]) {
      expect((await findServer({ server }, env)).options).to.deep.equal({
        servers,
        ca: 'PEM',
        token: 'kept',
      });
    }
    for (const server of ['10.0.0.1,', ',', '10.0.0.1,,10.0.0.2', '10.0.0.1,ftp://10.0.0.2']) {
      const { exitCode, stderr } = await run(['nodes', '--server', server], { env });
      expect([exitCode, stderr.split('\n').length], server).to.deep.equal([2, 2]);
    }
  });

  it('that is damaged says so', async () => {
    const file = await writeContext({ server: '127.0.0.1:4400', token: 't' }, env);
    await writeFile(file, '{"token":');
    const { exitCode, stderr } = await run('nodes', { env: { ...env, MILL_TOKEN: '' } });
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(/^mill: the context .* is damaged: .*\n$/);
    expect(await readFile(file, 'utf8')).to.equal('{"token":');
  });

  it('that is missing: exit 1 and what to do where a server listens, exit 3 where none does', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const words = ['nodes', '--server', `127.0.0.1:${port}`];
    const options = { env: { ...env, MILL_TOKEN: '' } };
    // The real probe waits on the wire: the fake clock must not run out meanwhile.
    const listening = await run(words, { ...options, holdsTime: true });
    await new Promise((resolve) => server.close(resolve));
    const closed = await run(words, { ...options, holdsTime: true });
    expect(listening.exitCode).to.equal(1);
    expect(listening.stderr).to.match(/^mill: no credential for https:\/\/127.0.0.1:\d+\n.*--token/s);
    expect(closed.exitCode).to.equal(3);
    expect(closed.stderr).to.equal(
      `mill: cannot reach the server at https://127.0.0.1:${port}: connection refused; is "mill up" running?\n`,
    );
    const several = [...words.slice(0, 2), `127.0.0.1:${port},127.0.0.2:${port}`];
    const none = await run(several, { ...options, holdsTime: true });
    expect(none.exitCode).to.equal(3);
    expect(none.stderr).to.match(
      /^mill: cannot reach any of the servers at https:.*,https:.*: connection refused/,
    );
  });
});
