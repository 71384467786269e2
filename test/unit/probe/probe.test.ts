/** One probe against real servers and commands on loopback. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type Server } from 'node:net';
import { expect } from 'chai';
import { defaultCheck } from '../../../runtime/probe/check.ts';
import { probe } from '../../../runtime/probe/probe.ts';

const host = '127.0.0.1';
const env = { PATH: process.env.PATH ?? '' };
const never = new AbortController().signal;

describe('probe', () => {
  const servers: Server[] = [];
  const listen = async (server: Server) => {
    servers.push(server.listen(0, host));
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  };
  const serve = (answer: RequestListener) => {
    const server = createServer(answer);
    return listen(server);
  };
  /** Aborts once the request is there. */
  const timeout = () => {
    const controller = new AbortController();
    return { signal: controller.signal, fire: () => controller.abort(new Error('no answer within 5 ms')) };
  };

  afterEach(() => {
    for (const server of servers.splice(0)) {
      if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function') {
        server.closeAllConnections();
      }
      server.close();
    }
  });

  it('takes 2xx and 3xx for healthy, and nothing else', async () => {
    const port = await serve((request, response) => {
      response.writeHead(Number(request.url?.slice(1)), { location: '/' }).end('body');
    });
    const ask = (code: number) => probe({ kind: 'http', host, port, path: `/${code}` }, never);
    for (const code of [200, 204, 302]) expect(await ask(code)).to.deep.equal({ ok: true });
    for (const code of [404, 503])
      expect(await ask(code)).to.deep.equal({ ok: false, reason: `http ${code}` });
  });

  it('does not read an endless answer to its end', async () => {
    const port = await serve((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(4096)));
      };
      response.on('drain', more);
      more();
    });
    expect(await probe({ kind: 'http', host, port, path: '/' }, never)).to.deep.equal({ ok: true });
  });

  it('gives up on a server that does not answer', async () => {
    const { signal, fire } = timeout();
    const port = await serve(() => fire());
    const result = await probe({ kind: 'http', host, port, path: '/' }, signal);
    expect(result).to.deep.equal({ ok: false, reason: 'no answer within 5 ms' });
  });

  it('gives up on an answer that does not end', async () => {
    const { signal, fire } = timeout();
    const port = await serve((_request, response) => {
      response.write('begin', () => setImmediate(fire));
    });
    const result = await probe({ kind: 'http', host, port, path: '/' }, signal);
    expect(result).to.deep.equal({ ok: false, reason: 'no answer within 5 ms' });
  });

  it('takes a port that accepts for healthy', async () => {
    const port = await listen(createTcpServer((socket) => socket.on('error', () => {})));
    expect(await probe({ kind: 'tcp', host, port }, never)).to.deep.equal({ ok: true });
  });

  it('says that nothing listens', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    for (const check of [
      { kind: 'tcp', host, port } as const,
      { kind: 'http', host, port, path: '/' } as const,
    ]) {
      const result = await probe(check, never);
      expect(result).to.deep.equal({ ok: false, reason: `connect ECONNREFUSED ${host}:${port}` });
    }
  });

  it('takes exit code 0 for healthy', async () => {
    const ask = (command: string[]) => probe({ kind: 'exec', command, env, cwd: '/' }, never);
    expect(await ask(['sh', '-c', 'test "$PWD" = /'])).to.deep.equal({ ok: true });
    expect(await ask(['sh', '-c', 'exit 3'])).to.deep.equal({ ok: false, reason: '"sh" exited with 3' });
    expect(await ask(['/nowhere/x'])).to.deep.equal({ ok: false, reason: 'spawn /nowhere/x ENOENT' });
  });

  it('ends a command that takes too long, with all that it started', async () => {
    const { signal, fire } = timeout();
    const done = probe({ kind: 'exec', command: ['sh', '-c', 'sleep 60 & wait'], env, cwd: '/' }, signal);
    setImmediate(fire);
    expect(await done).to.deep.equal({ ok: false, reason: 'no answer within 5 ms' });
  });

  it('does not begin when it is over', async () => {
    const check = { kind: 'tcp', host, port: 1 } as const;
    expect(await probe(check, AbortSignal.abort(new Error('stopped')))).to.deep.equal({
      ok: false,
      reason: 'stopped',
    });
  });

  it('checks the first port by default, or that it has run a while', () => {
    expect(defaultCheck({ host, port: 80 })).to.deep.equal({ kind: 'tcp', host, port: 80 });
    expect(defaultCheck()).to.deep.equal({ kind: 'uptime', runMs: 1000 });
  });
});
