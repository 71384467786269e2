/** The work queue, with keys that come, and work that ends or fails, in every order. */
import { expect } from 'chai';
import { WorkQueue } from '../../../../runtime/controller/queue.ts';
import { flushMicrotasks, VirtualClock } from '../../../vocabulary/clock.ts';
import { type Play, playEveryStory } from '../../../vocabulary/stories.ts';

const STEPS = ['add a', 'add b', 'end a', 'end b', 'fail a', 'fail b', 'wait'] as const;
type Step = (typeof STEPS)[number];
type Key = 'a' | 'b';
const KEYS: readonly Key[] = ['a', 'b'];

/** A key fails, comes meanwhile, and is added, worked on and ended once more. */
const LENGTH = 6;
/** The longest backoff. */
const LONG_MS = 15_000;
/** Enumerating takes a second or two, on a machine that is busy much longer. */
const MOST_MS = 60_000;

async function begin(concurrency: number): Promise<Play<Step>> {
  const clock = new VirtualClock();
  /** What happened: `add a`, `start a`, `end a`. */
  const story: string[] = [];
  const wrong: string[] = [];
  const working = new Map<string, (error?: Error) => void>();
  const queue = new WorkQueue({
    clock,
    random: () => 0,
    concurrency,
    onError: () => {},
    work: (key) => {
      if (working.has(key)) wrong.push(`${key} is worked on twice at a time`);
      story.push(`start ${key}`);
      return new Promise((resolve, reject) => {
        working.set(key, (error) => (error ? reject(error) : resolve()));
      });
    },
  });
  const finish = (key: string, error?: Error): boolean => {
    const end = working.get(key);
    if (!end) return false;
    working.delete(key);
    story.push(`${error ? 'fail' : 'end'} ${key}`);
    end(error);
    return true;
  };
  const add = (key: Key): true => {
    story.push(`add ${key}`);
    queue.add(key);
    return true;
  };
  const tale: { readonly [S in Step]: () => boolean | Promise<boolean> } = {
    'add a': () => add('a'),
    'add b': () => add('b'),
    'end a': () => finish('a'),
    'end b': () => finish('b'),
    'fail a': () => finish('a', new Error('failed')),
    'fail b': () => finish('b', new Error('failed')),
    wait: async () => {
      const isWaiting = clock.nextMs !== undefined;
      await clock.advance(LONG_MS);
      return isWaiting;
    },
  };
  const settle = async () => {
    await flushMicrotasks();
    expect(wrong).to.deep.equal([]);
    expect(working.size).to.be.at.most(concurrency);
  };
  return {
    async take(step) {
      const hasEffect = await tale[step]();
      await settle();
      return hasEffect;
    },
    async end() {
      for (let isOver = false; !isOver; isOver = working.size === 0 && clock.nextMs === undefined) {
        for (const key of [...working.keys()]) finish(key);
        await settle();
        await clock.advance(LONG_MS);
        await settle();
      }
      for (const key of KEYS) checkWork(key, story);
      expect(queue.size).to.equal(0);
    },
  };
}

/** The last that asks for work on a key is followed by work, and there is none that nothing has asked for. */
function checkWork(key: Key, story: readonly string[]): void {
  const lastOf = (what: string) => story.lastIndexOf(`${what} ${key}`);
  const countOf = (what: string) => story.filter((each) => each === `${what} ${key}`).length;
  const asked = Math.max(lastOf('add'), lastOf('fail'));
  if (asked >= 0) expect(lastOf('start'), `the work on ${key} after "${story[asked]}"`).to.be.above(asked);
  expect(countOf('start'), `passes of ${key}`).to.be.at.most(countOf('add') + countOf('fail'));
}

describe('the work queue, whatever comes in which order', () => {
  for (const concurrency of [1, 2]) {
    it(`works on every key after all that asked for it, and on ${concurrency} at a time`, async function () {
      this.timeout(MOST_MS);
      const stories = await playEveryStory(STEPS, LENGTH, () => begin(concurrency));
      expect(stories).to.be.above(500);
    });
  }
});
