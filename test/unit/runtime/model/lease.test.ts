/** The lease keeper, with every order of answers that its renewals may have. */
import { expect } from 'chai';
import { type Client, ConnectionError } from '../../../../api/client/client.ts';
import { ApiError } from '../../../../api/errors.ts';
import { silentLog } from '../../../../api/log.ts';
import { createLeaseKeeper } from '../../../../runtime/lease.ts';
import { flushMicrotasks, VirtualClock } from '../../../vocabulary/clock.ts';
import { type Play, playEveryStory } from '../../../vocabulary/stories.ts';

/** What the next renewal is answered; `silence`: none is, for longer than a holder may go on without one. */
const STEPS = ['written', 'broken', 'unauthorized', 'forbidden', 'silence'] as const;
type Step = (typeof STEPS)[number];

/** Lost, regained and lost again; rejected, believed, and rejected again. */
const LENGTH = 5;
const RENEW_EVERY_MS = 1_000;
const FENCE_AFTER_MS = 3_000;
/** As the keeper says: so many refusals in a row are believed. */
const REFUSALS = 3;
/** Enumerating takes a second or two, on a machine that is busy much longer. */
const MOST_MS = 60_000;

const ANSWERS: { readonly [S in Step]: Error | undefined } = {
  written: undefined,
  broken: new ConnectionError('refused'),
  unauthorized: new ApiError('Unauthorized', 'who are you'),
  forbidden: new ApiError('Forbidden', 'the node was removed'),
  silence: new ConnectionError('no answer'),
};

async function begin(): Promise<Play<Step>> {
  const clock = new VirtualClock();
  let answer: Error | undefined;
  let renewals = 0;
  const lease = { metadata: { resourceVersion: '1' } };
  const client = {
    get: async () => lease,
    patch: async () => {
      renewals += 1;
      if (answer) throw answer;
      return lease;
    },
  } as unknown as Client;
  const keeper = createLeaseKeeper({
    client,
    clock,
    log: silentLog,
    name: 'node-node-1',
    holder: 'agent',
    node: 'node-1',
    durationMs: 10_000,
    renewEveryMs: RENEW_EVERY_MS,
    session: 'run-1',
  });
  let isLost = false;
  let losses = 0;
  let rejections = 0;
  keeper.onLost(() => {
    isLost = true;
    losses += 1;
  }, FENCE_AFTER_MS);
  keeper.onRegained(() => {
    isLost = false;
  });
  keeper.onRejected(() => {
    rejections += 1;
  });
  await flushMicrotasks();

  const expected = { writtenMs: clock.now(), losses: 0, refusals: 0, rejections: 0 };
  const renew = async () => {
    const before = renewals;
    while (renewals === before) await clock.advance((clock.nextMs ?? Number.NaN) - clock.now());
  };
  const expectAnswer = (step: Step) => {
    const isRefusal = step === 'unauthorized' || step === 'forbidden';
    expected.refusals = isRefusal ? expected.refusals + 1 : 0;
    if (expected.refusals === REFUSALS) expected.rejections += 1;
  };
  return {
    async take(step) {
      answer = ANSWERS[step];
      const wasLost = isLost;
      await (step === 'silence' ? clock.advance(FENCE_AFTER_MS + RENEW_EVERY_MS) : renew());
      expectAnswer(step);
      if (step === 'written') expected.writtenMs = clock.now();
      const mustBeLost = clock.now() - expected.writtenMs >= FENCE_AFTER_MS;
      if (mustBeLost && !wasLost) expected.losses += 1;
      expect(isLost, 'it is lost').to.equal(mustBeLost);
      expect({ losses, rejections }).to.deep.equal({
        losses: expected.losses,
        rejections: expected.rejections,
      });
      return true;
    },
    end: () => keeper.close(),
  };
}

describe('the lease keeper, whatever its renewals are answered', () => {
  it('says each loss of contact once, and each rejection once it is sure', async function () {
    this.timeout(MOST_MS);
    expect(await playEveryStory(STEPS, LENGTH, begin)).to.equal(STEPS.length ** LENGTH);
  });
});
