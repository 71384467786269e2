/** Where a real controller runs on, on the real store, while one situation after the other changes around it. */
import { expect } from 'chai';
import type { AnyObject, KindName } from '../../api/kinds/index.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import { type AnyCommand, climb } from '../../runtime/controller/machine.ts';
import type { World } from './world.ts';

/** A controller, and what it finds outside the store: drivers, processes. */
export interface Stage<K extends KindName, F, C extends AnyCommand, S extends string> {
  readonly controller: ControllerDefinition<K, F, C, S>;
  /** What it has done outside the store. */
  readonly effects?: readonly string[];
}

export interface Situation<S extends string, T> {
  /** Ends a sentence that begins with the state; unique. */
  readonly when: string;
  /** What the machine decides then. */
  readonly state: S;
  /** Where the controller comes to rest if nobody else does anything; default: where it is. */
  readonly rests?: S;
  /** All that there is in the store. */
  readonly objects: readonly AnyObject[];
  /** A reconcile fails. */
  readonly isFailing?: boolean;
  /** Makes everything outside the store as it is then, whatever it was. */
  readonly outside?: (stage: T) => void | Promise<void>;
  /** What must be so when it rests. */
  readonly after?: (world: World, stage: T) => void;
  /** Nothing undoes it: it is not overtaken by what is not so any more. */
  readonly isFinal?: boolean;
  /** Beginnings of effects that it must not have from now on, whatever it was about to do. */
  readonly never?: readonly string[];
}

export class Theatre<K extends KindName, F, C extends AnyCommand, S extends string, T> {
  readonly #world: World;
  readonly #key: string;
  readonly #stage: T & Stage<K, F, C, S>;
  /** While the scene changes it hears nothing from outside the store: the last change of a scene is in the store. */
  #isChanging = false;
  /** What comes in between its next decision and what it does about it. */
  #late: Situation<S, T> | undefined;
  #effectsBefore = 0;
  /** What it decided, pass by pass, since the situation changed. */
  states: S[] = [];

  private constructor(world: World, key: string, stage: T & Stage<K, F, C, S>) {
    this.#world = world;
    this.#key = key;
    this.#stage = stage;
  }

  static async open<K extends KindName, F, C extends AnyCommand, S extends string, T>(
    world: World,
    key: string,
    stage: T & Stage<K, F, C, S>,
  ): Promise<Theatre<K, F, C, S, T>> {
    const theatre = new Theatre<K, F, C, S, T>(world, key, stage);
    await world.run(theatre.#watched());
    return theatre;
  }

  async play(situation: Situation<S, T>): Promise<void> {
    const { when, state, rests = state, isFailing = false, after } = situation;
    const world = this.#world;
    const failures = world.failures.length;
    await this.#become(situation);
    await world.settle();
    // It is looked at once more: where nothing is left to do, nothing has woken it.
    const isThere = world.find(this.#stage.controller.kind, this.#key) !== undefined;
    if (isThere) await look(this.#watched(), this.#key, world);
    expect(world.failures.length > failures, `${when}: ${world.failures.at(-1)}`).to.equal(isFailing);
    expect(this.states.at(-1), `rests when ${when}, after ${this.states.join(', ')}`).to.equal(rests);
    after?.(world, this.#stage);
  }

  /**
   * It has seen the early situation, and the late one has come when it carries out the first of its commands.
   * @returns false where it had nothing to do in the early one
   */
  async overtake(early: Situation<S, T>, late: Situation<S, T>): Promise<boolean> {
    this.#late = late;
    await this.#become(early);
    await this.#world.settle();
    const isOvertaken = this.#late === undefined;
    this.#late = undefined;
    if (!isOvertaken) return false;
    const { effects = [] } = this.#stage;
    const wrong = effects
      .slice(this.#effectsBefore)
      .filter((effect) => late.never?.some((each) => effect.startsWith(each)));
    expect(wrong, `it was about to, when ${early.when}`).to.deep.equal([]);
    return true;
  }

  async #become({ objects, outside }: Situation<S, T>): Promise<void> {
    this.#isChanging = true;
    await outside?.(this.#stage);
    this.states = [];
    this.#effectsBefore = this.#stage.effects?.length ?? 0;
    await this.#world.replace(() => {
      this.#isChanging = false;
      return objects;
    });
  }

  async #interrupt(): Promise<void> {
    const late = this.#late;
    this.#late = undefined;
    if (late) await this.#become(late);
  }

  /** The controller, with a note of what each pass decides. */
  #watched(): ControllerDefinition<K, F, C, S> {
    const { controller } = this.#stage;
    const { listen } = controller;
    return {
      ...controller,
      observe: async (object, context) => {
        const facts = await controller.observe(object, context);
        if (object.metadata.name === this.#key)
          this.states.push(climb<S, C>(controller.machine, facts).state);
        return facts;
      },
      commands: new Proxy(controller.commands, {
        get: (table, type) => async (params: never, context: never) => {
          await this.#interrupt();
          return table[type as C['type']](params, context);
        },
      }),
      ...(listen && {
        listen: (enqueue, signal) =>
          listen((name) => {
            if (!this.#isChanging) enqueue(name);
          }, signal),
      }),
    };
  }
}

/** What the controller sees now. */
export async function look<K extends KindName, F, C extends AnyCommand, S extends string>(
  { kind, observe: facts }: ControllerDefinition<K, F, C, S>,
  key: string,
  { get, environment, store, clock }: World,
): Promise<F> {
  return facts(get(kind, key), { ...environment, reader: store.state, nowMs: clock.now() });
}
