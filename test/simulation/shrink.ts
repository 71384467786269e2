/** The smallest part of a failing plan that still breaks the same promise. */
import type { Plan, Step } from './plan.ts';
import { type Result, simulate } from './run.ts';

/** Runs that finding it may take. */
const MOST_RUNS = 150;

export interface Shrunk {
  /** Places of the steps that are left, in the plan that the seed gives. */
  readonly kept: readonly number[];
  readonly result: Result;
}

/** Takes steps out for as long as it fails without them: halves first, then one by one. */
export async function shrink(plan: Plan, failing: Result): Promise<Shrunk> {
  let best: Shrunk = { kept: plan.steps.map((_, index) => index), result: failing };
  let runs = 0;
  for (let size = Math.ceil(best.kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best.kept.length && runs < MOST_RUNS; ) {
      const kept = best.kept.filter((_, place) => place < from || place >= from + size);
      const result = await simulate(keepSteps(plan, kept));
      runs += 1;
      if (result.violation?.invariant === failing.violation?.invariant) best = { kept, result };
      else from += size;
    }
  }
  return best;
}

export const keepSteps = (plan: Plan, kept: readonly number[]): Plan => {
  const steps = kept.map((place) => plan.steps[place]).filter((step): step is Step => step !== undefined);
  return { ...plan, steps };
};
