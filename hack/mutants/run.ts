/** `npm run mutants`: plants one small bug after the other, and shows which of them the simulation or the model tests find. */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findByModelTests } from './model-tests.ts';
import { type Mutant, mutated } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import { type Find, findBySimulation } from './simulation.ts';
import { Tree } from './tree.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The same seeds each time, so that the result can be repeated. */
const FIRST_SEED = 1;
const DEFAULT_SEEDS = 500;
/** As many as a small machine has cores. */
const DEFAULT_JOBS = 2;
/** One mutant: 500 clusters take about a minute on a core that is free. */
const MUTANT_TIMEOUT_MS = 10 * 60_000;

const { values } = parseArgs({
  options: {
    /** Only the mutants of these names. */
    only: { type: 'string', multiple: true },
    /** How many clusters are tried before the model tests are. */
    seeds: { type: 'string', default: String(DEFAULT_SEEDS) },
    seed: { type: 'string', default: String(FIRST_SEED) },
    jobs: { type: 'string', default: String(DEFAULT_JOBS) },
    /** One JSON object a mutant. */
    json: { type: 'boolean', default: false },
    /** Names the mutants, checks that none is stale, and runs nothing. */
    list: { type: 'boolean', default: false },
    /** Takes it for granted that the tree is right without a mutant. */
    'skip-check': { type: 'boolean', default: false },
  },
});

interface Outcome {
  readonly name: string;
  readonly file: string;
  readonly what: string;
  readonly caughtBy: 'simulation' | 'model tests' | undefined;
  readonly find: Find | undefined;
  readonly test: string | undefined;
}

const firstSeed = Number(values.seed);
const seeds = Number(values.seeds);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)));
}

const mutants = chosen();
await refuseStale();
if (values.list) for (const { name, file, what } of mutants) console.log(`${name} (${file}): ${what}`);
else process.exitCode = await main();

/** @returns the exit code */
async function main(): Promise<number> {
  const startedMs = performance.now();
  const jobs = Math.max(1, Math.min(Number(values.jobs), mutants.length));
  const trees: Tree[] = [];
  try {
    for (let job = 0; job < jobs; job++) trees.push(await Tree.copyOf(ROOT));
    if (!values['skip-check']) await checkWhole(trees);
    const outcomes: Outcome[] = [];
    const waiting = [...mutants];
    const work = async (tree: Tree) => {
      for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
        const outcome = await tryOut(tree, mutant);
        outcomes.push(outcome);
        console.log(values.json ? JSON.stringify(outcome) : describe(outcome));
      }
    };
    await Promise.all(trees.map(work));
    return summarize(outcomes, (performance.now() - startedMs) / 1_000);
  } catch (error) {
    console.error(error instanceof Error ? `mutants: ${error.message}` : error);
    return 2;
  } finally {
    stop.abort();
    await Promise.all(trees.map((tree) => tree.remove()));
  }
}

/** What is found without a mutant would be found with each. @throws Error where something is */
async function checkWhole(trees: readonly Tree[]): Promise<void> {
  const share = Math.ceil(seeds / trees.length);
  const finds = await Promise.all(
    trees.map(({ root }, index) =>
      findBySimulation({ root, firstSeed: firstSeed + index * share, seeds: share, signal: stop.signal }),
    ),
  );
  const find = finds.find((each) => each !== undefined);
  if (find) throw new Error(`without any mutant seed ${find.seed} fails: ${find.message}`);
  const [tree] = trees;
  const test = tree && (await findByModelTests(tree.root, stop.signal));
  if (test !== undefined) throw new Error(`without any mutant a model test fails: ${test}`);
  if (!values.json) console.log(`without any mutant ${seeds} seeds and the model tests pass\n`);
}

async function tryOut(tree: Tree, mutant: Mutant): Promise<Outcome> {
  const { name, file, what } = mutant;
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(MUTANT_TIMEOUT_MS)]);
  return tree.with(mutant, async () => {
    const { root } = tree;
    const find = await findBySimulation({ root, firstSeed, seeds, signal });
    const test = find ? undefined : await findByModelTests(root, signal);
    const caughtBy = find ? 'simulation' : test === undefined ? undefined : 'model tests';
    return { name, file, what, caughtBy, find, test };
  });
}

function describe({ name, what, find, test }: Outcome): string {
  const how = find
    ? `caught by simulation after ${find.seeds} ${find.seeds === 1 ? 'seed' : 'seeds'}: ${find.message}`
    : test !== undefined
      ? `caught by the model tests: ${test}`
      : 'SURVIVED';
  return `${name}: ${what}\n    ${how}`;
}

function summarize(outcomes: readonly Outcome[], seconds: number): number {
  const count = (caughtBy: Outcome['caughtBy']) =>
    outcomes.filter((each) => each.caughtBy === caughtBy).length;
  const survivors = outcomes.filter((each) => each.caughtBy === undefined).map(({ name }) => name);
  if (values.json) return survivors.length > 0 ? 1 : 0;
  console.log(
    `\n${outcomes.length} mutants in ${Math.round(seconds)} s: ${count('simulation')} caught by simulation, ` +
      `${count('model tests')} by the model tests, ${survivors.length} survived`,
  );
  for (const name of survivors) console.log(`survived: ${name}`);
  return survivors.length > 0 ? 1 : 0;
}

/** All at once, so that they can be mended at once. @throws Error */
async function refuseStale(): Promise<void> {
  const tried = await Promise.allSettled(mutants.map((mutant) => mutated(mutant, ROOT)));
  const stale = tried.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
  if (stale.length > 0) throw new Error(stale.join('\n'));
}

function chosen(): readonly Mutant[] {
  const names = new Set(MUTANTS.map(({ name }) => name));
  if (names.size < MUTANTS.length) throw new Error('two mutants have the same name');
  const unknown = values.only?.find((name) => !names.has(name));
  if (unknown !== undefined) throw new Error(`there is no mutant "${unknown}"; --list names them`);
  return values.only ? MUTANTS.filter(({ name }) => values.only?.includes(name)) : MUTANTS;
}
