/** Runs simulated clusters, one a seed, and explains the first that breaks a promise: `npm run simulate -- --seeds 2000`. */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { drawPlan } from '../test/simulation/drawing.ts';
import { readEngine } from '../test/simulation/plan.ts';
import { type Result, simulate } from '../test/simulation/run.ts';
import { keepSteps, shrink } from '../test/simulation/shrink.ts';
import { optionsOf, refuse, wholeNumber } from './options.ts';
import { bundled, SIMULATION_OPTIONS } from './simulation-program.ts';

const DEFAULT_SEEDS = 200;
/** Clusters: some minutes. */
const PROGRESS_EVERY = 10_000;
const WORKER = fileURLToPath(new URL('../test/simulation/worker.ts', import.meta.url));

const USAGE = `usage: npm run simulate -- [--seeds N=${DEFAULT_SEEDS}] [--seed S [--steps 0,3,…]] [--engine embedded|jetstream]
       [--keep-going] [--jobs N]`;

const values = optionsOf(USAGE, {
  /** How many clusters. */
  seeds: { type: 'string', default: String(DEFAULT_SEEDS) },
  /** The first seed; others each time where it is left out. */
  seed: { type: 'string' },
  /** Runs the one seed with these of its steps only: `--steps 0,3,4`. */
  steps: { type: 'string' },
  /** `embedded` (one server) or `jetstream` (several on NATS); where it is left out, each seed draws it. */
  engine: { type: 'string' },
  /** Does not stop at the first failure: counts them by kind. */
  'keep-going': { type: 'boolean', default: false },
  jobs: { type: 'string', default: String(availableParallelism()) },
});

/** What a worker tells of a seed, and the time of a processor that it took. */
type Outcome = Omit<Result, 'story'> & { readonly cpuMs: number };

const engine = readEngineOption(values.engine);
const first = values.seed === undefined ? Math.floor(Math.random() * 1e9) : wholeNumber('seed', values.seed);
if (values.steps !== undefined) await repeat(first, values.steps);
else
  await search(
    first,
    values.seed !== undefined && process.argv.every((each) => !each.startsWith('--seeds'))
      ? 1
      : wholeNumber('seeds', values.seeds, 1),
  );

function readEngineOption(given: string | undefined) {
  try {
    return readEngine(given);
  } catch (error) {
    return refuse(`--engine: ${(error as Error).message}`);
  }
}

/** One seed again, as a failure told. */
async function repeat(seed: number, steps: string): Promise<void> {
  const kept = steps === '' ? [] : steps.split(',').map((step) => wholeNumber('steps', step));
  const result = await simulate(keepSteps(drawPlan(seed, engine), kept));
  console.log(result.story.join('\n'));
  console.log(verdict(result));
  if (result.violation) process.exitCode = 1;
}

async function search(from: number, count: number): Promise<void> {
  const program = await bundled(WORKER);
  const startedMs = performance.now();
  const failures: Outcome[] = [];
  let done = 0;
  let events = 0;
  let fewestEvents = Number.POSITIVE_INFINITY;
  let cpuMs = 0;
  let next = from;
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      isStopped = true;
    });
  const take = () => {
    const isEnough = next >= from + count || isStopped || (failures.length > 0 && !values['keep-going']);
    return isEnough ? undefined : next++;
  };
  const workers = Array.from({ length: Math.min(count, wholeNumber('jobs', values.jobs, 1)) }, () =>
    fork(program.file, engine ? [engine] : [], { execArgv: [...SIMULATION_OPTIONS] }),
  );
  const searched = Promise.all(
    workers.map((worker) =>
      work(worker, take, (outcome) => {
        done += 1;
        events += outcome.events;
        fewestEvents = Math.min(fewestEvents, outcome.events);
        cpuMs += outcome.cpuMs;
        if (done % PROGRESS_EVERY === 0 && done < count)
          console.log(`simulate: ${done} of ${count} clusters, ${failures.length} failed`);
        if (!outcome.violation) return;
        failures.push(outcome);
        console.log(verdict(outcome));
      }),
    ),
  );
  await searched.finally(program.remove);
  const seconds = (performance.now() - startedMs) / 1_000;
  const rate = `${Math.round((done / seconds) * 60)} a minute, ${(cpuMs / done).toFixed(1)} ms of CPU each`;
  const size = `${Math.round(events / done)} events each, ${fewestEvents} at least`;
  console.log(
    `simulate: ${done} clusters from seed ${from} in ${seconds.toFixed(1)} s (${rate}; ${size}), ${failures.length} failed`,
  );
  if (failures.length === 0) return;
  process.exitCode = 1;
  const worst = failures.sort((a, b) => a.seed - b.seed)[0];
  if (worst) await explain(worst.seed);
}

/** Feeds a worker until there is nothing more. */
function work(
  worker: ChildProcess,
  take: () => number | undefined,
  onOutcome: (outcome: Outcome) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let seed = take();
    const feed = () => {
      if (seed === undefined) worker.disconnect();
      else worker.send(seed);
    };
    worker.on('message', (outcome: Outcome) => {
      onOutcome(outcome);
      seed = take();
      feed();
    });
    worker.on('exit', () =>
      seed === undefined ? resolve() : reject(new Error(`seed ${seed} ended its process`)),
    );
    feed();
  });
}

async function explain(seed: number): Promise<void> {
  const plan = drawPlan(seed, engine);
  const { kept, result } = await shrink(plan, await simulate(plan));
  console.log(`\nseed ${seed}: ${kept.length} of ${plan.steps.length} steps are enough:\n`);
  console.log(result.story.join('\n'));
  console.log(verdict(result));
  const onEngine = engine ? `--engine ${engine} ` : '';
  console.log(`\nagain: npm run simulate -- ${onEngine}--seed ${seed} --steps ${kept.join(',')}`);
}

function verdict({ seed, violation, hash }: Pick<Result, 'seed' | 'violation' | 'hash'>): string {
  return violation
    ? `seed ${seed} at ${(violation.atMs / 1_000).toFixed(3)} s: ${violation.invariant}: ${violation.message}`
    : `seed ${seed}: nothing is wrong (${hash.slice(0, 16)})`;
}
