/** A bounded share of the search in every test run, and what makes its findings worth something: they can be repeated. */
import { expect } from 'chai';
import { drawPlan } from './plan.ts';
import { type Result, simulate, simulateSeed } from './run.ts';
import { shrink } from './shrink.ts';

/** CPU time for new clusters, in milliseconds. `npm run simulate` takes as long as one likes. */
const BUDGET_MS = 9_000;
const TIMEOUT_MS = 120_000;
const MOST_SEEDS = 2 ** 31;

describe('the simulation', function () {
  this.timeout(TIMEOUT_MS);

  it('gives one history for one seed, to the last byte', async () => {
    for (const seed of [1, 2, 3]) {
      const [first, second] = [await simulateSeed(seed), await simulateSeed(seed)];
      expect(first.hash).to.equal(second.hash);
      expect(first.events).to.equal(second.events).and.to.be.greaterThan(200);
    }
  });

  it('gives another history for another seed', async () => {
    expect((await simulateSeed(1)).hash).not.to.equal((await simulateSeed(2)).hash);
  });

  it('keeps its promises in clusters that nobody has seen before', async () => {
    const first = Math.floor(Math.random() * MOST_SEEDS);
    const startedAt = process.cpuUsage();
    let seed = first;
    for (; cpuMs(startedAt) < BUDGET_MS; seed++) await expectKept(await simulateSeed(seed));
    console.log(`      ${seed - first} clusters from seed ${first}`);
  });
});

const cpuMs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
};

async function expectKept(result: Result): Promise<void> {
  const { seed, violation } = result;
  if (!violation) return;
  const plan = drawPlan(seed);
  const { kept, result: shortest } = await shrink(plan, await simulate(plan));
  const again = `again: npm run simulate -- --seed ${seed} --steps ${kept.join(',')}`;
  expect.fail([`${violation.invariant}: ${violation.message}`, ...shortest.story, again].join('\n'));
}
