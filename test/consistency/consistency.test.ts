/** The JetStream engine keeps its promises while servers are killed, paused and cut off: a short run; more by hand. */
import { expect } from 'chai';
import { natsDir, needsNats } from '../vocabulary/nats.ts';
import { FAULTS } from './nemesis.ts';
import { run, type Setting } from './run.ts';

/** Faults for so long; the start before, the recovery and the reading of all copies after take as long on a busy machine. */
const DURATION_MS = 15_000;
const POWER_CUTS_MS = 5_000;
const TIMEOUT_MS = 240_000;

const setting: Setting = {
  release: 'current',
  natsServers: 3,
  syncAlways: true,
  handsOver: true,
  faults: FAULTS,
};

describe('three servers on three NATS servers', function () {
  this.timeout(TIMEOUT_MS);
  before(async function () {
    await needsNats(this, 'current');
  });

  const keepTheirPromises = async (given: Setting, durationMs: number) => {
    const seed = Math.floor(Math.random() * 1e6);
    const { violations, counts } = await run(given, seed, durationMs, await natsDir());
    expect(violations, `seed ${seed}`).to.deep.equal([]);
    expect(counts.acknowledged, `seed ${seed}`).to.be.greaterThan(0);
    expect(counts.faults, `seed ${seed}`).to.be.greaterThan(0);
  };

  it('lose no acknowledged write and break no invariant, whatever is killed, paused or cut off', () =>
    keepTheirPromises(setting, DURATION_MS));

  it('have everything that was acknowledged after the power was cut', () =>
    keepTheirPromises({ ...setting, faults: ['cut the power'] }, POWER_CUTS_MS));
});
