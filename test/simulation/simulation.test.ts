/** A bounded share of the search in every test run, what it has found before, and that its findings can be repeated. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { drawPlan } from './drawing.ts';
import type { Plan } from './plan.ts';
import { type Result, simulate, simulateSeed } from './run.ts';
import { shrink } from './shrink.ts';

/** CPU time for new clusters, in milliseconds. `npm run simulate` takes as long as one likes. */
const BUDGET_MS = 9_000;
const TIMEOUT_MS = 120_000;
const MOST_SEEDS = 2 ** 31;
const REGRESSIONS = new URL('regressions/', import.meta.url);

/** A bug that was found and mended: the plan itself, because another drawing gives its seed another one. */
interface Regression {
  /** What was wrong, in a sentence. */
  readonly wrong: string;
  readonly plan: Plan;
}

describe('the simulation', function () {
  this.timeout(TIMEOUT_MS);

  it('gives one history for one seed, to the last byte', async () => {
    for (const [seed, engine] of [
      [1, 'embedded'],
      [2, 'embedded'],
      [1, 'jetstream'],
      [2, 'jetstream'],
    ] as const) {
      const [first, second] = [await simulateSeed(seed, engine), await simulateSeed(seed, engine)];
      expect(first.hash).to.equal(second.hash);
      expect(first.events).to.equal(second.events).and.to.be.greaterThan(200);
    }
  });

  it('gives another history for another seed', async () => {
    expect((await simulateSeed(1)).hash).not.to.equal((await simulateSeed(2)).hash);
  });

  for (const { wrong, plan } of regressions()) {
    it(`has not gone back to this: ${wrong}`, async () => {
      const { violation, story } = await simulate(plan);
      expect(violation, story.join('\n')).to.equal(undefined);
    });
  }

  it('keeps its promises in clusters that nobody has seen before', async () => {
    const first = Math.floor(Math.random() * MOST_SEEDS);
    const startedAt = process.cpuUsage();
    let seed = first;
    for (; cpuMs(startedAt) < BUDGET_MS; seed++) await expectKept(await simulateSeed(seed));
    console.log(`      ${seed - first} clusters from seed ${first}`);
  });
});

function regressions(): Regression[] {
  const files = readdirSync(REGRESSIONS).filter((name) => name.endsWith('.json'));
  return files
    .sort()
    .map((name) => JSON.parse(readFileSync(new URL(name, REGRESSIONS), 'utf8')) as Regression);
}

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
