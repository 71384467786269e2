/** The engine on a model of JetStream: a bounded share of the search, and what is found can be repeated. */
import { expect } from 'chai';
import { drawDrill, runDrill } from './drill.ts';

/** CPU time for new drills, in milliseconds. */
const BUDGET_MS = 3_000;
const TIMEOUT_MS = 120_000;
const MOST_SEEDS = 2 ** 31;
/** Drills that have found something. */
const FOUND_SOMETHING = [1_396, 1_743, 1_866, 1_001_540, 2_003_995, 735_136_973];

describe('the engine on simulated NATS servers', function () {
  this.timeout(TIMEOUT_MS);

  it('has one history for one seed', async () => {
    for (const seed of [1, 2, 3]) {
      const [first, second] = [await runDrill(drawDrill(seed)), await runDrill(drawDrill(seed))];
      expect(first.story).to.deep.equal(second.story);
      expect(first.commits).to.be.greaterThan(20);
    }
  });

  it('withstands what has broken it before', async () => {
    for (const seed of FOUND_SOMETHING) {
      const { violation } = await runDrill(drawDrill(seed));
      expect(violation, `drill ${seed}`).to.equal(undefined);
    }
  });

  it('keeps what it acknowledges, and nothing that it refuses, whatever fails', async () => {
    const first = Math.floor(Math.random() * MOST_SEEDS);
    const before = process.cpuUsage();
    let seed = first;
    for (; cpuMs(before) < BUDGET_MS; seed++) {
      const { violation, story } = await runDrill(drawDrill(seed));
      expect(violation, `drill ${seed}\n${story.slice(-60).join('\n')}`).to.equal(undefined);
    }
    console.log(`      ${seed - first} drills from seed ${first}`);
  });
});

const cpuMs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
};
