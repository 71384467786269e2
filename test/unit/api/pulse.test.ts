import { expect } from 'chai';
import { Pulse, type SignOfLife } from '../../../api/client/pulse.ts';
import { VirtualClock } from '../../vocabulary/clock.ts';

describe('the pulse of a server', () => {
  let clock: VirtualClock;
  let pulse: Pulse;
  let asked: number;
  /** What the server says when it is asked; nothing at all while it hangs. */
  let sign: SignOfLife | 'hangs' | 'breaks';
  let noticed: string[];

  beforeEach(() => {
    clock = new VirtualClock();
    asked = 0;
    sign = 'ready';
    noticed = [];
    pulse = new Pulse({
      clock,
      ask: async (signal) => {
        asked += 1;
        if (sign === 'breaks') throw new Error('the connection broke');
        if (sign !== 'hangs') return sign;
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('too late')), { once: true });
        });
      },
      onSilent: () => noticed.push(`silent after ${clock.now() - startedMs} ms`),
      onUnready: () => noticed.push('unready'),
    });
    const startedMs = clock.now();
  });

  it('is not asked for while nothing is awaited', async () => {
    await clock.advance(60_000);
    expect(asked).to.equal(0);
    expect(clock.nextMs).to.equal(undefined);
  });

  it('is missed soon where an answer is awaited and the server hangs', async () => {
    const stop = pulse.listen('answer');
    sign = 'hangs';
    await clock.advance(1_499);
    expect(noticed).to.deep.equal([]);
    await clock.advance(1);
    expect(noticed).to.deep.equal(['silent after 1500 ms']);
    stop();
  });

  it('is missed at once where the connection breaks, and later where only a stream is read', async () => {
    const stop = pulse.listen('stream');
    sign = 'breaks';
    await clock.advance(4_999);
    expect(asked).to.equal(0);
    await clock.advance(1);
    expect(noticed).to.deep.equal(['silent after 5000 ms']);
    stop();
  });

  it('lets a slow answer take its time', async () => {
    const stop = pulse.listen('answer');
    await clock.advance(20_000);
    expect(noticed).to.deep.equal([]);
    expect(asked).to.be.within(20, 40);
    stop();
    await clock.advance(20_000);
    expect(clock.nextMs).to.equal(undefined);
  });

  it('is not asked for where the server is heard from anyway', async () => {
    const stop = pulse.listen('stream');
    for (let renewal = 0; renewal < 30; renewal += 1) {
      await clock.advance(2_000);
      pulse.heard();
    }
    expect(asked).to.equal(0);
    stop();
  });

  it('tells of a server that cannot do its work', async () => {
    const stop = pulse.listen('stream');
    sign = 'unready';
    await clock.advance(5_000);
    expect(noticed).to.deep.equal(['unready']);
    stop();
  });

  it('is asked for once by all who wait', async () => {
    const stops = [pulse.listen('answer'), pulse.listen('answer'), pulse.listen('answer')];
    sign = 'hangs';
    await clock.advance(600);
    expect(asked).to.equal(1);
    for (const stop of stops) stop();
    await clock.advance(1_000);
    expect(clock.nextMs).to.equal(undefined);
  });
});
