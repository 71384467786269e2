/** Leads a real controller, on the real store, from each situation that its machine knows to each other one. */
import { expect } from 'chai';
import type { AnyStateMachine } from 'xstate';
import type { KindName } from '../../api/kinds/index.ts';
import { type AnyCommand, climb } from '../../runtime/controller/machine.ts';
import { START_MS } from './clock.ts';
import { modelOf, type Observed, restingStates } from './model.ts';
import { look, type Situation, type Stage, Theatre } from './theatre.ts';
import { createWorld, type World } from './world.ts';

/** Some two hundred turns of a real store; a machine that is busy with other things takes its time. */
const MOST_MS = 60_000;

export interface Paths<K extends KindName, F, C extends AnyCommand, S extends string, T> {
  readonly machine: AnyStateMachine;
  /** The object that it is all about. */
  readonly key: string;
  /** When it all is; default: when tests begin. */
  readonly startMs?: number;
  readonly stage: (world: World) => T & Stage<K, F, C, S>;
  readonly situations: readonly Situation<S, T>[];
}

/** Defines the tests. */
export function describePaths<
  K extends KindName,
  F extends object,
  C extends AnyCommand,
  S extends string,
  T,
>(title: string, { machine, key, startMs = START_MS, stage, situations }: Paths<K, F, C, S, T>): void {
  describe(title, () => {
    let observations: readonly Observed[];
    let world: World | undefined;
    const open = async () => {
      world = await createWorld({ startMs });
      return Theatre.open(world, key, stage(world));
    };
    afterEach(async () => {
      await world?.close();
      world = undefined;
    });
    before(async () => {
      const all: Observed[] = [];
      for (const situation of situations) all.push(await observe(situation, key, stage, startMs));
      observations = all;
    });

    for (const [index, { when, state }] of situations.entries()) {
      it(`is ${state} when ${when}`, () => {
        expect(climb<S, C>(machine, observations[index]?.facts).state).to.equal(state);
      });
    }

    it('is in each of its states in one of these situations', () => {
      expect(modelOf(machine, observations).reached().sort()).to.deep.equal(restingStates(machine).sort());
    });

    it('goes from each situation to each, and rests', async function () {
      this.timeout(MOST_MS);
      const theatre = await open();
      const play = async (when: string | undefined) => {
        const situation = situations.find((each) => each.when === when);
        if (situation) await theatre.play(situation);
      };
      await play(situations[0]?.when);
      for (const path of modelOf(machine, observations).fromEachToEach()) {
        await path.test({
          events: { observed: ({ event }) => play((event as unknown as Observed).when) },
          states: {
            '*': ({ value }) => {
              expect(theatre.states[0]).to.equal(value);
            },
          },
        });
      }
    });

    for (const late of situations.filter(({ never }) => never !== undefined)) {
      it(`does what it was about to do only where it still may, when ${late.when} meanwhile`, async () => {
        const theatre = await open();
        const before = situations.filter((each) => each !== late && !each.isFinal);
        let overtaken = 0;
        for (const early of before) if (await theatre.overtake(early, late)) overtaken += 1;
        expect(overtaken).to.be.greaterThan(0);
      });
    }
  });
}

/** What the controller sees in a situation before it has done anything. */
async function observe<K extends KindName, F extends object, C extends AnyCommand, S extends string, T>(
  { when, objects, outside }: Situation<S, T>,
  key: string,
  stage: Paths<K, F, C, S, T>['stage'],
  startMs: number,
): Promise<Observed> {
  const world = await createWorld({ objects, startMs });
  const staged = stage(world);
  await outside?.(staged);
  const facts = await look(staged.controller, key, world);
  await world.close();
  return { type: 'observed', when, facts };
}
