/** Looks for a broken promise of the JetStream engine under faults: `npm run consistency -- --minutes 10 [--seed S]`. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type Verdict } from '../test/consistency/run.ts';
import { SETTINGS } from '../test/consistency/settings.ts';
import { optionsOf, wholeNumber } from './options.ts';

const USAGE = 'usage: npm run consistency -- [--minutes N=10] [--seed S] [--only TITLE] [--each SECONDS=120]';

const values = optionsOf(USAGE, {
  /** All settings together; each gets its share. */
  minutes: { type: 'string', default: '10' },
  /** The first seed; others each time where it is left out. */
  seed: { type: 'string' },
  /** Settings whose title holds this. */
  only: { type: 'string', default: '' },
  /** Longest single run, in seconds: a check of a longer history takes longer than the history. */
  each: { type: 'string', default: '120' },
});

const chosen = SETTINGS.filter(({ title }) => title.includes(values.only));
const firstSeed =
  values.seed === undefined ? Math.floor(Math.random() * 1e6) : wholeNumber('seed', values.seed);
const untilMs = performance.now() + wholeNumber('minutes', values.minutes, 1) * 60_000;
let seed = firstSeed;
do {
  for (const { title, ...setting } of chosen) {
    const leftMs = Math.max(10_000, (untilMs - performance.now()) / chosen.length);
    const durationMs = Math.round(Math.min(wholeNumber('each', values.each, 1) * 1_000, leftMs));
    const dir = await mkdtemp(join(tmpdir(), 'mill-consistency-'));
    console.log(`${title}, seed ${seed}, ${Math.round(durationMs / 1_000)} s`);
    report(await run(setting, seed, durationMs, dir), dir);
  }
  seed += 1;
} while (performance.now() < untilMs);

function report({ violations, counts, recoveredMs, happenings }: Verdict, dir: string): void {
  const numbers = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  console.log(`  ${numbers.join(', ')}; recovered in ${Math.round(recoveredMs)} ms`);
  if (violations.length === 0) return;
  process.exitCode = 1;
  for (const each of violations.slice(0, 20)) console.log(`  ${each}`);
  for (const { ms, what } of happenings) console.log(`    ${ms.toFixed(0)} ${what}`);
  console.log(`  ${violations.length} violations; the histories are in ${dir}`);
}
