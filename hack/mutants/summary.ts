/** A run of mutants in words. */
import type { Outcome } from './outcome.ts';

/** @param progress how far the run is: `12/80, 3:41` */
export function describe({ name, what, find, test, isUnfinished }: Outcome, progress: string): string {
  const how = find
    ? `caught by simulation in ${count(find.seeds, 'seed')}: ${find.message}`
    : test !== undefined
      ? `caught by the model tests: ${test}`
      : isUnfinished
        ? 'NOT FINISHED in its time'
        : 'SURVIVED';
  return `[${progress}] ${name}: ${what}\n    ${how}`;
}

/** All of them once more, a line each, the hardest to find last; then how many there are of what. */
export function summarize(outcomes: readonly Outcome[], seconds: number): string {
  const width = Math.max(0, ...outcomes.map(({ name }) => name.length));
  const lines = [...outcomes]
    .sort((a, b) => difficulty(a) - difficulty(b) || (a.name < b.name ? -1 : 1))
    .map((each) => `${each.name.padEnd(width)}  ${verdict(each)}`);
  const by = (caughtBy: Outcome['caughtBy']) =>
    outcomes.filter((each) => each.caughtBy === caughtBy && !each.isUnfinished).length;
  const unfinished = outcomes.filter(({ isUnfinished }) => isUnfinished).length;
  const total =
    `${count(outcomes.length, 'mutant')} in ${minutes(seconds)}: ${by('simulation')} caught by simulation, ` +
    `${by('model tests')} by the model tests, ${by(undefined)} survived` +
    (unfinished > 0 ? `, ${unfinished} not finished` : '');
  return ['', ...lines, '', total].join('\n');
}

/** `3:41` */
export const minutes = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

function verdict({ find, caughtBy, isUnfinished }: Outcome): string {
  if (find) return `simulation, ${count(find.seeds, 'seed')}`;
  if (isUnfinished) return 'NOT FINISHED';
  return caughtBy ?? 'SURVIVED';
}

function difficulty({ find, caughtBy, isUnfinished }: Outcome): number {
  if (find) return find.seeds;
  if (isUnfinished) return Number.MAX_SAFE_INTEGER - 1;
  return caughtBy ? Number.MAX_SAFE_INTEGER - 2 : Number.MAX_SAFE_INTEGER;
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
