/** What every engine of the store must do: the promises of `api/store.ts`, one test each. */
import type { StoreHarness } from './harness.ts';
import { describeCommits } from './store-commits.ts';
import { describeRestarts } from './store-restarts.ts';
import { describeReads, describeRules } from './store-rules.ts';
import { describeResumes, describeWatches } from './store-watches.ts';

/** @param makeHarness one for each test */
export function describeStore(name: string, makeHarness: () => StoreHarness): void {
  describe(`${name}: a store`, () => {
    let harness: StoreHarness;
    beforeEach(() => {
      harness = makeHarness();
    });
    afterEach(() => harness.dispose());
    const given = () => harness;
    describeCommits(given);
    describeRules(given);
    describeReads(given);
    describeWatches(given);
    describeResumes(given);
    describeRestarts(given);
  });
}
