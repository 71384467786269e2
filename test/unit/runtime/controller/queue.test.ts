import { expect } from 'chai';
import { WorkQueue } from '../../../../runtime/controller/queue.ts';
import { flushMicrotasks, START_MS, VirtualClock } from '../../../vocabulary/clock.ts';

/** A queue whose work is held until the test lets it go. */
function heldQueue(concurrency = 2) {
  const clock = new VirtualClock();
  const started: string[] = [];
  const retries: { key: string; inMs: number }[] = [];
  const finish = new Map<string, (error?: Error) => void>();
  const queue = new WorkQueue({
    clock,
    random: () => 1,
    concurrency,
    work: (key) =>
      new Promise((resolve, reject) => {
        started.push(key);
        finish.set(key, (error) => (error ? reject(error) : resolve()));
      }),
    onError: (key, _error, inMs) => retries.push({ key, inMs }),
  });
  const end = async (key: string, error?: Error) => {
    finish.get(key)?.(error);
    await flushMicrotasks();
  };
  return { clock, queue, started, retries, end };
}

describe('the work queue', () => {
  it('works on a key once, however often it was added while it waited', async () => {
    const { queue, started } = heldQueue();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    await flushMicrotasks();
    expect(started).to.deep.equal(['a', 'b']);
  });

  it('is idle when nothing waits or is worked on, also once it is closed', async () => {
    const { queue, end } = heldQueue(1);
    queue.add('a');
    queue.add('b');
    let isIdle = false;
    void queue.idle().then(() => {
      isIdle = true;
    });
    await flushMicrotasks();
    await end('a');
    expect(isIdle).to.equal(false);
    await end('b');
    expect(isIdle).to.equal(true);
    await queue.close();
    await queue.idle();
  });

  it('never works on a key twice at once, but once more when it was added meanwhile', async () => {
    const { queue, started, end } = heldQueue();
    queue.add('a');
    await flushMicrotasks();
    queue.add('a');
    queue.add('a');
    await flushMicrotasks();
    expect(started).to.deep.equal(['a']);
    await end('a');
    expect(started).to.deep.equal(['a', 'a']);
    await end('a');
    expect(started).to.deep.equal(['a', 'a']);
    expect(queue.size).to.equal(0);
  });

  it('works on no more keys at a time than it may', async () => {
    const { queue, started, end } = heldQueue(1);
    queue.add('a');
    queue.add('b');
    await flushMicrotasks();
    expect(started).to.deep.equal(['a']);
    await end('a');
    expect(started).to.deep.equal(['a', 'b']);
  });

  it('brings a key back with doubling backoff when its work throws, and forgets that when it succeeds', async () => {
    const { clock, queue, retries, end } = heldQueue();
    queue.add('a');
    await flushMicrotasks();
    await end('a', new Error('once'));
    await clock.advance(retries[0]?.inMs ?? 0);
    await end('a', new Error('twice'));
    await clock.advance(retries[1]?.inMs ?? 0);
    await end('a');
    queue.add('a');
    await flushMicrotasks();
    await end('a', new Error('again'));
    const [first = 0, second, third] = retries.map((retry) => retry.inMs);
    expect([second, third]).to.deep.equal([2 * first, first]);
  });

  it('takes a key up at its time, the earliest of several', async () => {
    const { clock, queue, started } = heldQueue();
    queue.addAt('a', START_MS + 500);
    queue.addAt('a', START_MS + 200);
    queue.addAt('a', START_MS + 900);
    await clock.advance(199);
    expect(started).to.deep.equal([]);
    await clock.advance(1);
    expect(started).to.deep.equal(['a']);
  });

  it('closes when what is under way has ended, and begins nothing more', async () => {
    const { clock, queue, started, end } = heldQueue(1);
    queue.add('a');
    queue.add('b');
    queue.addAt('c', START_MS + 10);
    await flushMicrotasks();
    let isClosed = false;
    const closing = queue.close().then(() => {
      isClosed = true;
    });
    await clock.advance(20);
    expect(isClosed).to.equal(false);
    await end('a');
    await closing;
    queue.add('d');
    await flushMicrotasks();
    expect(started).to.deep.equal(['a']);
  });
});
