import { setMaxListeners } from 'node:events';
import { expect } from 'chai';
import { ApiError } from '../../../api/errors.ts';
import { LogBroker, type LogRequest } from '../../../api/server/logs.ts';
import { refusal } from './failure.ts';
import { TestClock } from './world.ts';

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function textOf(log: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of log) text += Buffer.from(chunk).toString();
  return text;
}

describe('the log broker', () => {
  let clock: TestClock;
  let broker: LogBroker;
  let client: AbortController;
  beforeEach(() => {
    clock = new TestClock();
    broker = new LogBroker({ clock });
    client = new AbortController();
  });
  const open = (node = 'n1') => broker.open(node, 'a1', { tailLines: 5 }, client.signal);

  it('calls an agent of this process', async () => {
    const asked: unknown[] = [];
    const stop = broker.serve('n1', (alloc, { tailLines }) => {
      asked.push([alloc, tailLines]);
      return chunks('one', 'two');
    });
    expect(await textOf(await open())).to.equal('onetwo');
    expect(asked).to.deep.equal([['a1', 5]]);
    stop();
    await refusal('ServiceUnavailable', () => open());
  });

  it('asks an agent elsewhere, and hands its answer on until it was read', async () => {
    const requests: LogRequest[] = [];
    broker.attach('n1', (request) => requests.push(request), new AbortController().signal);
    const opened = open();
    const [request] = requests;
    expect(request).to.include({ alloc: 'a1', tailLines: 5 });
    const answered = broker.answer('n1', request?.id ?? '', chunks('log'));
    expect(await textOf(await opened)).to.equal('log');
    await answered;
    await refusal('NotFound', () => broker.answer('n1', request?.id ?? '', chunks()));
    expect(clock.timers).to.equal(0);
  });

  it('lets an agent answer for its own node only, and say why it cannot', async () => {
    const requests: LogRequest[] = [];
    broker.attach('n1', (request) => requests.push(request), new AbortController().signal);
    const opened = open();
    const id = requests[0]?.id ?? '';
    await refusal('NotFound', () => broker.answer('n2', id, chunks('forged')));
    broker.refuse('n1', id, new ApiError('NotFound', 'no log of a1 here'));
    const { message } = await refusal('NotFound', () => opened);
    expect(message).to.equal('no log of a1 here');
  });

  it('says so where the agent is gone, does not answer, or the client has gone', async () => {
    const agent = new AbortController();
    broker.attach('n1', () => {}, agent.signal);
    const late = open();
    clock.advance(10_000);
    const { message } = await refusal('ServiceUnavailable', () => late);
    expect(message).to.equal('the agent of node "n1" did not answer within 10 s');
    const left = open();
    client.abort();
    await refusal('ServiceUnavailable', () => left);
    agent.abort();
    await refusal('ServiceUnavailable', () => open());
    expect(clock.timers).to.equal(0);
  });

  it('has a bound on what waits for one agent', async () => {
    broker.attach('n1', () => {}, new AbortController().signal);
    setMaxListeners(0, client.signal);
    const waiting = Array.from({ length: 64 }, () => open().catch(() => {}));
    await refusal('TooManyRequests', () => open());
    client.abort();
    await Promise.all(waiting);
  });
});
