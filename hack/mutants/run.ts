/** `npm run mutants`: plants one small bug after the other, and shows which of them the simulation or the model tests find. */

import { fileURLToPath } from 'node:url';
import { optionsOf, wholeNumber } from '../options.ts';
import { type Mutant, mutated } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import { type Outcome, Outcomes } from './outcome.ts';
import type { Search } from './simulation.ts';
import { describe, minutes, summarize } from './summary.ts';
import { PARTS, Tree } from './tree.ts';
import { checkWhole, secondsSince, tryOut } from './trial.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Out of the way of everything, and gone when the dependencies are installed anew. */
const KEPT = fileURLToPath(new URL('../../node_modules/.cache/mill/mutants.jsonl', import.meta.url));
/** The same seeds each time, so that the result can be repeated. */
const FIRST_SEED = 1;
const DEFAULT_SEEDS = 500;
/** As many as a small machine has cores. */
const DEFAULT_JOBS = 2;

const USAGE = `usage: npm run mutants -- [--only NAME …] [--seeds N=${DEFAULT_SEEDS}] [--seed S=${FIRST_SEED}] [--jobs N=${DEFAULT_JOBS}]
       [--list] [--json] [--resume] [--skip-check]`;

const values = optionsOf(USAGE, {
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
  /** Takes the outcomes of an earlier run for granted where nothing has changed since. */
  resume: { type: 'boolean', default: false },
  /** Takes it for granted that the tree is right without a mutant. */
  'skip-check': { type: 'boolean', default: false },
});

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)));
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(`mutants: ${error instanceof Error ? error.message : String(error)}`);
  return 2;
});

/** @returns the exit code */
async function main(): Promise<number> {
  const mutants = chosen();
  await refuseStale(mutants);
  if (values.list) {
    for (const { name, file, what } of mutants) console.log(`${name} (${file}): ${what}`);
    return 0;
  }
  const search: Search = {
    firstSeed: wholeNumber('seed', values.seed, 1),
    seeds: wholeNumber('seeds', values.seeds, 1),
    signal: stop.signal,
  };
  const jobs = Math.min(wholeNumber('jobs', values.jobs, 1), mutants.length);
  const trees: Tree[] = [];
  try {
    for (let job = 0; job < jobs; job++) trees.push(await Tree.copyOf(ROOT));
    if (!values['skip-check']) {
      await checkWhole(trees, search);
      if (!values.json) console.log(`without any mutant ${search.seeds} seeds and the model tests pass\n`);
    }
    return await tryAll(mutants, trees, search);
  } finally {
    stop.abort();
    await Promise.all(trees.map((tree) => tree.remove()));
  }
}

async function tryAll(mutants: readonly Mutant[], trees: readonly Tree[], search: Search): Promise<number> {
  const startedMs = performance.now();
  const seeds = `${search.firstSeed} ${search.seeds}`;
  const kept = await Outcomes.open(KEPT, trees[0]?.root ?? ROOT, PARTS, seeds);
  const outcomes: Outcome[] = [];
  const waiting: Mutant[] = [];
  for (const mutant of mutants) {
    const known = values.resume ? kept.get(mutant) : undefined;
    if (known) outcomes.push(known);
    else waiting.push(mutant);
  }
  if (outcomes.length > 0 && !values.json)
    console.log(`${outcomes.length} of ${mutants.length} are known from an earlier run\n`);
  const work = async (tree: Tree) => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const outcome = await tryOut(tree, mutant, search);
      outcomes.push(outcome);
      await kept.keep(mutant, outcome);
      const progress = `${outcomes.length}/${mutants.length}, ${minutes(secondsSince(startedMs))}`;
      console.log(values.json ? JSON.stringify(outcome) : describe(outcome, progress));
    }
  };
  await Promise.all(trees.map(work));
  if (!values.json) console.log(summarize(outcomes, secondsSince(startedMs)));
  return outcomes.every(({ caughtBy }) => caughtBy !== undefined) ? 0 : 1;
}

/** All at once, so that they can be mended at once. @throws Error */
async function refuseStale(mutants: readonly Mutant[]): Promise<void> {
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
