import { once } from 'node:events';
import net from 'node:net';
import { expect } from 'chai';
import type { Backend, Routes } from '../../../runtime/gateway/routes.ts';
import {
  closeEverything,
  fetchFrom,
  freePort,
  gate,
  httpBackend,
  keepAliveAgent,
  ManualClock,
  newGateway,
} from './fixture.ts';

const serve = (service: string, gatewayPort: number, ...backends: Backend[]): Routes => ({
  service,
  drainTimeoutMs: 1_000,
  ports: [{ name: 'main', gatewayPort, protocol: 'http', backends }],
});

describe('the ports of a gateway', () => {
  afterEach(closeEverything);

  it('reports a port that is taken, and opens it once it is free', async () => {
    const clock = new ManualClock();
    const port = await freePort();
    const squatter = net.createServer().listen(port, '127.0.0.1');
    await once(squatter, 'listening');
    const gateway = newGateway(clock);
    gateway.apply(serve('web', port, await httpBackend('a')));
    await clock.scheduled(100);
    expect(gateway.problems()).to.have.length(1);
    expect(gateway.problems()[0]).to.include({ service: 'web', port: 'main', gatewayPort: port });
    expect(gateway.problems()[0]?.message).to.match(/^port \d+ cannot be opened: .*EADDRINUSE/);
    await gateway.listening(); // somebody else may keep the port for ever
    clock.advance(100);
    await clock.scheduled(200);
    squatter.close();
    await once(squatter, 'close');
    clock.advance(200);
    await gateway.listening();
    expect(gateway.problems()).to.deep.equal([]);
    expect((await fetchFrom(port, {})).body).to.equal('a');
  });

  it('gives a port that two services want to the first, until it lets go', async () => {
    const port = await freePort();
    const gateway = newGateway();
    gateway.apply(serve('first', port, await httpBackend('a')));
    gateway.apply(serve('second', port, await httpBackend('b')));
    await gateway.listening();
    expect(gateway.problems()).to.deep.equal([
      {
        service: 'second',
        port: 'main',
        gatewayPort: port,
        message: `port ${port} belongs to service first (main)`,
      },
    ]);
    const agent = keepAliveAgent(1);
    expect((await fetchFrom(port, { agent })).body).to.equal('a');
    gateway.remove('first');
    expect(gateway.problems()).to.deep.equal([]);
    expect((await fetchFrom(port, { agent })).body).to.equal('b');
  });

  it('exchanges the ports of two names without a gap', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const gateway = newGateway();
    const [a, b] = [await httpBackend('a'), await httpBackend('b')];
    const routes = (portOfA: number, portOfB: number): Routes => ({
      service: 'web',
      drainTimeoutMs: 0,
      ports: [
        { name: 'a', gatewayPort: portOfA, protocol: 'http', backends: [a] },
        { name: 'b', gatewayPort: portOfB, protocol: 'http', backends: [b] },
      ],
    });
    gateway.apply(routes(one, two));
    await gateway.listening();
    gateway.apply(routes(two, one));
    const answers = [await fetchFrom(one, {}), await fetchFrom(two, {})];
    expect(answers.map((answer) => answer.body)).to.deep.equal(['b', 'a']);
  });

  it('closes the port of a service that is removed, and lets its requests finish', async () => {
    const port = await freePort();
    const [arrived, finish] = [gate(), gate()];
    const backend = await httpBackend('a', async (_request, response) => {
      arrived.open();
      await finish.opened;
      response.end('done');
    });
    const gateway = newGateway();
    gateway.apply(serve('web', port, backend));
    await gateway.listening();
    const answer = fetchFrom(port, { agent: keepAliveAgent(1) });
    await arrived.opened;
    gateway.remove('web');
    gateway.remove('web');
    expect(gateway.draining()).to.deep.equal(['a']);
    finish.open();
    expect((await answer).body).to.equal('done');
    expect(await fetchFrom(port, {}).catch((error: NodeJS.ErrnoException) => error.code)).to.equal(
      'ECONNREFUSED',
    );
    expect(gateway.metrics()).to.deep.equal({});
  });

  it('finishes what is in flight before it is closed, and cuts it after the grace', async () => {
    const clock = new ManualClock();
    const port = await freePort();
    const arrived = gate();
    const gateway = newGateway(clock);
    gateway.apply(serve('web', port, await httpBackend('stuck', () => arrived.open())));
    await gateway.listening();
    const answer = fetchFrom(port, {}).catch((error: Error) => error);
    await arrived.opened;
    const closed = gateway.close(500);
    clock.advance(500);
    await closed;
    await answer;
    expect(gateway.draining()).to.deep.equal([]);
  });

  it('closes at once when only idle connections are left', async () => {
    const port = await freePort();
    const gateway = newGateway(new ManualClock());
    gateway.apply(serve('web', port, await httpBackend('a')));
    await gateway.listening();
    await fetchFrom(port, { agent: keepAliveAgent(1) });
    const silent = net.connect(port, '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    await gateway.close();
  });
});
