/** The informer against a server that does whatever a server can do, in every order. */
import { expect } from 'chai';
import { ApiError } from '../../../../api/errors.ts';
import { silentLog } from '../../../../api/log.ts';
import { createInformer } from '../../../../runtime/informer.ts';
import { flushMicrotasks, VirtualClock } from '../../../vocabulary/clock.ts';
import { type Play, playEveryStory } from '../../../vocabulary/stories.ts';
import { ScriptedServer } from '../scripted-client.ts';
import { pictureOf, Retold, Truth } from './truth.ts';

const STEPS = [
  'put a',
  'put b',
  'delete a',
  'delete b',
  // The watch brings everything that happened since it last did.
  'deliver',
  // The watch breaks, and a new one goes on from where the informer says it is.
  'break',
  // The server has no history any more: the informer must list.
  'expire',
  // The watch brings once more what it has brought.
  'repeat',
] as const;
type Step = (typeof STEPS)[number];

/** All that one object can go through: made, gone, and made anew between two looks, and then told twice. */
const LENGTH = 5;
/** Longer than any pause before a watch is taken up again. */
const LONG_MS = 10_000;
/** Enumerating takes a few seconds, on a machine that is busy much longer. */
const MOST_MS = 60_000;

async function begin(): Promise<Play<Step>> {
  const server = new ScriptedServer();
  const truth = new Truth(server);
  truth.put('a');
  const clock = new VirtualClock();
  const informer = createInformer({
    client: server.client,
    clock,
    log: silentLog,
    random: () => 0,
    watches: [{ kind: 'Node' }],
  });
  const retold = new Retold();
  const wrong: unknown[] = [];
  /** What is called back is not in the test's stack. */
  const noting = (look: () => void) => {
    try {
      look();
    } catch (error) {
      wrong.push(error);
    }
  };
  const look = (when: string) => {
    const expected = truth.at(informer.revisionOf('Node'));
    expect(pictureOf(informer.state.list('Node')), `the copy ${when}`).to.equal(expected);
    expect(retold.picture, `what was told ${when}`).to.equal(expected);
  };
  informer.subscribe({}, (change) => noting(() => retold.hear(change)));
  informer.onRevision((_, revision) => noting(() => look(`at revision ${revision}`)));
  await flushMicrotasks();

  const fail = async (error?: Error) => {
    server.watch.fail(error);
    await clock.advance(LONG_MS);
    return true;
  };
  const tale: { readonly [S in Step]: () => boolean | Promise<boolean> } = {
    'put a': () => truth.put('a'),
    'put b': () => truth.put('b'),
    'delete a': () => truth.delete('a'),
    'delete b': () => truth.delete('b'),
    deliver: () => truth.deliver(),
    break: () => fail(),
    expire: () => fail(new ApiError('Expired', 'list again')),
    repeat: () => truth.repeat(informer.revisionOf('Node')),
  };
  const settle = async () => {
    await flushMicrotasks();
    if (wrong.length > 0) throw wrong[0];
    look('at rest');
  };
  return {
    async take(step) {
      const hasEffect = await tale[step]();
      await settle();
      return hasEffect;
    },
    async end() {
      truth.deliver();
      await settle();
      expect(informer.revisionOf('Node')).to.equal(server.revision);
      informer.close();
    },
  };
}

describe('the informer, whatever its server does', () => {
  it('shows at each revision just what was there, and has told what leads to it', async function () {
    this.timeout(MOST_MS);
    expect(await playEveryStory(STEPS, LENGTH, begin)).to.be.greaterThan(1_000);
  });
});
