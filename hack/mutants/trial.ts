/** Tries one mutant out: first against the simulation, then against the model tests. */
import { findByModelTests } from './model-tests.ts';
import type { Mutant } from './mutant.ts';
import type { Outcome } from './outcome.ts';
import { findBySimulation, type Search } from './simulation.ts';
import type { Tree } from './tree.ts';

/** One mutant: 500 clusters take about a minute on a core that is free. */
const MUTANT_TIMEOUT_MS = 10 * 60_000;

export async function tryOut(tree: Tree, mutant: Mutant, search: Search): Promise<Outcome> {
  const { name, file, what } = mutant;
  const { root } = tree;
  const startedMs = performance.now();
  const timeout = AbortSignal.timeout(MUTANT_TIMEOUT_MS);
  const signal = AbortSignal.any([search.signal, timeout]);
  const about = { name, file, what };
  return tree.with(mutant, async () => {
    try {
      const find = await findBySimulation(root, { ...search, engine: mutant.engine, signal });
      const test = find ? undefined : await findByModelTests(root, signal);
      const caughtBy = find ? 'simulation' : test === undefined ? undefined : 'model tests';
      return { ...about, caughtBy, find, test, isUnfinished: false, seconds: secondsSince(startedMs) };
    } catch (error) {
      if (!timeout.aborted) throw error;
      const nothing = { caughtBy: undefined, find: undefined, test: undefined };
      return { ...about, ...nothing, isUnfinished: true, seconds: secondsSince(startedMs) };
    }
  });
}

/** What is found without a mutant would be found with each. @throws Error where something is */
export async function checkWhole(
  trees: readonly Tree[],
  { firstSeed, seeds, signal }: Search,
): Promise<void> {
  const share = Math.ceil(seeds / trees.length);
  const finds = await Promise.all(
    trees.map(({ root }, index) =>
      findBySimulation(root, { firstSeed: firstSeed + index * share, seeds: share, signal }),
    ),
  );
  const find = finds.find((each) => each !== undefined);
  if (find) throw new Error(`without any mutant seed ${find.seed} fails: ${find.message}`);
  const [tree] = trees;
  const test = tree && (await findByModelTests(tree.root, signal));
  if (test !== undefined) throw new Error(`without any mutant a model test fails: ${test}`);
}

/** To a tenth. @param startedMs as `performance.now` gave it */
export const secondsSince = (startedMs: number): number =>
  Math.round((performance.now() - startedMs) / 100) / 10;
