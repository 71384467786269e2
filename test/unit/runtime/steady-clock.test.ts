import { expect } from 'chai';
import { steadyClock } from '../../../runtime/steady-clock.ts';
import { START_MS, VirtualClock } from '../../vocabulary/clock.ts';

describe('a steady clock', () => {
  /** A machine's clock that somebody sets, over timers that go on as they did. */
  const machine = () => {
    const time = new VirtualClock();
    const clock = {
      offsetMs: 0,
      now: () => time.now() + clock.offsetMs,
      schedule: (delayMs: number, callback: () => void) => time.schedule(delayMs, callback),
    };
    return { time, clock, steady: steadyClock(clock) };
  };

  it('goes as the clock does', async () => {
    const { time, steady } = machine();
    await time.advance(1_234);
    expect(steady.now()).to.equal(START_MS + 1_234);
  });

  it('does not go back, and goes on from where it was', async () => {
    const { time, clock, steady } = machine();
    await time.advance(1_000);
    const before = steady.now();
    clock.offsetMs = -3_600_000;
    expect(steady.now()).to.equal(before);
    await time.advance(500);
    expect(steady.now()).to.equal(before + 500);
  });

  it('has gone on by a timer that ran out, although the clock was set back meanwhile', async () => {
    const { time, clock, steady } = machine();
    const times: number[] = [];
    steady.schedule(1_000, () => times.push(steady.now()));
    clock.offsetMs = -3_600_000;
    await time.advance(1_000);
    expect(times).to.deep.equal([START_MS + 1_000]);
  });

  it('goes forward with the clock: it cannot tell that from a machine that stood still', () => {
    const { clock, steady } = machine();
    clock.offsetMs = 5_000;
    expect(steady.now()).to.equal(START_MS + 5_000);
  });
});
