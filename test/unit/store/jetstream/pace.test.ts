/** When the records of one replica go out together. */
import { expect } from 'chai';
import { Pace } from '../../../../runtime/store/jetstream/pace.ts';
import { VirtualClock } from '../../../vocabulary/clock.ts';

const MANY = 600;
const FEW_SLOW = 64;

describe('the pace of one replica', () => {
  const given = () => {
    const clock = new VirtualClock();
    const pace = new Pace(clock);
    const answer = (count: number, tookMs: number) => {
      for (let index = 0; index < count; index++) pace.answered(clock.now() - tookMs);
    };
    return { clock, pace, answer };
  };

  it('is a pipeline where answers are fast, whatever a few of them take', () => {
    const { pace, answer } = given();
    for (let round = 0; round < 10; round++) {
      answer(MANY / 2, 50);
      answer(MANY / 4, 1);
    }
    expect(pace.isTogether).to.equal(false);
  });

  it('is batches for a while where most answers are slow', async () => {
    const { clock, pace, answer } = given();
    answer(MANY, 15);
    expect(pace.isTogether).to.equal(true);
    await clock.advance(4_999);
    expect(pace.isTogether).to.equal(true);
    await clock.advance(1);
    expect(pace.isTogether).to.equal(false);
    answer(MANY, 15);
    expect(pace.isTogether).to.equal(true);
  });

  it('needs fewer slow answers to be batches again, for a minute', async () => {
    const { clock, pace, answer } = given();
    answer(FEW_SLOW, 15);
    expect(pace.isTogether).to.equal(false);
    answer(MANY, 15);
    await clock.advance(5_000);
    answer(FEW_SLOW, 15);
    expect(pace.isTogether).to.equal(true);
    await clock.advance(5_000 + 60_000);
    answer(FEW_SLOW, 15);
    expect(pace.isTogether).to.equal(false);
  });

  it('is a pipeline again as soon as few go together, a few times in a row', () => {
    const { pace, answer } = given();
    answer(MANY, 15);
    for (const records of [7, 1, 1, 8, 1, 2, 3]) pace.sent(records);
    expect(pace.isTogether).to.equal(true);
    pace.sent(7);
    expect(pace.isTogether).to.equal(false);
    answer(MANY, 15);
    expect(pace.isTogether).to.equal(true);
    pace.sent(1);
    expect(pace.isTogether).to.equal(true);
  });
});
