/** The informer against a server that does whatever a server can do, in every order. */
import { expect } from 'chai';
import { ApiError } from '../../../../api/errors.ts';
import type { AnyObject } from '../../../../api/kinds/index.ts';
import { silentLog } from '../../../../api/log.ts';
import type { Change } from '../../../../api/store.ts';
import { createInformer } from '../../../../runtime/informer.ts';
import { flushMicrotasks, VirtualClock } from '../../../vocabulary/clock.ts';
import { node } from '../../../vocabulary/objects.ts';
import { type Play, playEveryStory } from '../../../vocabulary/stories.ts';
import { event, ScriptedServer } from '../scripted-client.ts';

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
const FIRST_REVISION = 1;
/** Enumerating takes a few seconds, on a machine that is busy much longer. */
const MOST_MS = 60_000;

/** What is on the server, and everything that ever was. */
class Truth {
  readonly server = new ScriptedServer();
  readonly #objects = new Map<string, AnyObject>();
  readonly #pictures: string[][] = [[]];
  readonly #events: { readonly revision: number; readonly event: ReturnType<typeof event> }[] = [];

  constructor() {
    this.put('a');
  }

  get revision(): number {
    return this.server.revision;
  }

  put(name: string): true {
    const old = this.#objects.get(name);
    const revision = this.revision + 1;
    const uid = old?.metadata.uid ?? `${name} of ${revision}`;
    const object = node(name, {}, {}, { uid, resourceVersion: String(revision) });
    this.#objects.set(name, object);
    this.#note(event(old ? 'MODIFIED' : 'ADDED', object));
    return true;
  }

  delete(name: string): boolean {
    const old = this.#objects.get(name);
    if (!old) return false;
    this.#objects.delete(name);
    const resourceVersion = String(this.revision + 1);
    this.#note(event('DELETED', { ...old, metadata: { ...old.metadata, resourceVersion } }));
    return true;
  }

  between(after: number, upTo: number) {
    return this.#events.filter(({ revision }) => revision > after && revision <= upTo);
  }

  /** What was there at a revision. */
  at(revision: number): readonly string[] | undefined {
    return this.#pictures[revision];
  }

  #note(happened: ReturnType<typeof event>): void {
    this.server.revision += 1;
    this.server.items = [...this.#objects.values()];
    this.#events.push({ revision: this.revision, event: happened });
    this.#pictures.push(pictureOf(this.server.items));
  }
}

/** Each object by name, life and revision. */
const pictureOf = (objects: readonly AnyObject[]): string[] =>
  objects
    .map(({ metadata: { name, uid, resourceVersion } }) => `${name} (${uid}) @${resourceVersion}`)
    .sort();

/** A copy made of nothing but what was told. */
class Retold {
  readonly #objects = new Map<string, AnyObject>();

  get picture(): string[] {
    return pictureOf([...this.#objects.values()]);
  }

  hear(change: Change): void {
    const { type, object } = change;
    const { name, uid } = object.metadata;
    const known = this.#objects.get(name)?.metadata.uid;
    const expected = type === 'added' ? undefined : uid;
    expect(known, `what was known when ${name} was told to be ${type}`).to.equal(expected);
    if (type === 'deleted') this.#objects.delete(name);
    else this.#objects.set(name, object);
  }
}

async function begin(): Promise<Play<Step>> {
  const truth = new Truth();
  const { server } = truth;
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
  const noting = (look: () => void) => {
    try {
      look();
    } catch (error) {
      wrong.push(error);
    }
  };
  const look = (when: string) => {
    const expected = truth.at(informer.revisionOf('Node'));
    expect(pictureOf(informer.state.list('Node')), `the copy ${when}`).to.deep.equal(expected);
    expect(retold.picture, `what was told ${when}`).to.deep.equal(expected);
  };
  informer.subscribe({}, (change) => noting(() => retold.hear(change)));
  informer.onRevision((_, revision) => noting(() => look(`at revision ${revision}`)));
  await flushMicrotasks();

  /** How far the present watch has brought what happened. */
  let brought = { by: server.watch, upTo: truth.revision };
  const deliver = () => {
    if (brought.by !== server.watch) {
      brought = { by: server.watch, upTo: Number(server.watch.request.resourceVersion) };
    }
    const news = truth.between(brought.upTo, truth.revision);
    brought.upTo = truth.revision;
    server.watch.send(...news.map((each) => each.event));
    return news.length > 0;
  };
  const repeat = () => {
    const old = truth.between(FIRST_REVISION, informer.revisionOf('Node'));
    server.watch.send(...old.map((each) => each.event));
    return old.length > 0;
  };
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
    deliver,
    break: () => fail(),
    expire: () => fail(new ApiError('Expired', 'list again')),
    repeat,
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
      deliver();
      await settle();
      expect(informer.revisionOf('Node')).to.equal(truth.revision);
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
