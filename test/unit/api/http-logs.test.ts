/** Logs of an alloc, from the agent that has them through the server to who reads them. */
import { once } from 'node:events';
import { expect } from 'chai';
import { refusal } from './failure.ts';
import { type HttpWorld, startHttpWorld } from './http-world.ts';
import { admin, alloc, controller } from './world.ts';

const BASE = '/apis/mill.dev/v1alpha1';

describe('logs over HTTP', () => {
  let world: HttpWorld;
  let agent: AbortController;
  beforeEach(async () => {
    world = await startHttpWorld();
    await world.service.create(controller, 'Alloc', alloc('a1', 'n1'));
    agent = new AbortController();
  });
  afterEach(async () => {
    agent.abort();
    await world.close();
  });

  async function textOf(log: AsyncIterable<Uint8Array>): Promise<string> {
    let text = '';
    for await (const chunk of log) text += Buffer.from(chunk).toString();
    return text;
  }

  /** Has an agent of `n1` answer over HTTP; resolves when the server knows of it. */
  async function serve(
    handler: (alloc: string, signal: AbortSignal) => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { token } = await world.service.registerNode(admin, 'n1', {});
    const attached = new Promise<void>((resolve) => {
      const attach = world.logs.attach.bind(world.logs);
      world.logs.attach = (...parameters) => {
        attach(...parameters);
        resolve();
      };
    });
    const served = world
      .client(token)
      .serveLogs('n1', (name, { signal }) => handler(name, signal), agent.signal);
    await Promise.race([attached, served]);
  }

  it('come from an agent of the same process', async () => {
    world.logs.serve('n1', async function* (name, { tailLines }) {
      yield Buffer.from(`${name} ${tailLines}`);
    });
    expect(await textOf(world.client().logs('a1', { tailLines: 3 }))).to.equal('a1 3');
  });

  it('come from an agent elsewhere, however long they are', async () => {
    const line = Buffer.from(`${'x'.repeat(65_535)}\n`);
    await serve(async function* () {
      for (let count = 0; count < 64; count += 1) yield line;
    });
    expect((await textOf(world.client().logs('a1'))).length).to.equal(64 * 65_536);
  });

  it('say why there are none', async () => {
    const client = world.client();
    const { message } = await refusal('ServiceUnavailable', () => textOf(client.logs('a1')));
    expect(message).to.equal('the agent of node "n1" is not connected: its logs cannot be read now');
    await refusal('NotFound', () => textOf(client.logs('a9')));
    world.logs.serve('n1', async function* () {
      yield* [];
      throw new Error('disk on fire');
    });
    const burnt = await refusal('ServiceUnavailable', () => textOf(client.logs('a1')));
    expect(burnt.message).to.equal('the log cannot be read: disk on fire');
    await refusal('NotFound', () =>
      client.request('POST', `${BASE}/nodes/n1/logrequests/none`, { body: {} }),
    );
  });

  it('are followed from an agent that has nothing to say yet', async () => {
    let say: () => void = () => {};
    const said = new Promise<void>((resolve) => {
      say = resolve;
    });
    await serve(async function* () {
      await said;
      yield Buffer.from('at last');
    });
    const answer = world.logs.answer.bind(world.logs);
    world.logs.answer = (...parameters) => {
      // The answer has begun without a word.
      say();
      return answer(...parameters);
    };
    expect(await textOf(world.client().logs('a1', { follow: true }))).to.equal('at last');
  });

  it('are followed until the client has enough', async () => {
    let stopped: () => void = () => {};
    const agentStopped = new Promise<void>((resolve) => {
      stopped = resolve;
    });
    await serve(async function* (_name, signal) {
      yield Buffer.from('first');
      await once(signal, 'abort');
      stopped();
    });
    const client = world.client();
    const stop = new AbortController();
    for await (const chunk of client.logs('a1', { follow: true, signal: stop.signal })) {
      expect(chunk.toString()).to.equal('first');
      stop.abort();
    }
    await agentStopped;
  });
});
