/**
 * A controller's machine as `xstate/graph` explores it: each event `observed` brings facts, and has the machine climb
 * afresh, wherever it was.
 */
import { type AnyStateMachine, type AnyStateNode, assign, createMachine } from 'xstate';
import { createTestModel } from 'xstate/graph';

/** Facts, and the words for what they stand for; unique. */
export interface Observed {
  readonly type: 'observed';
  readonly when: string;
  readonly facts: object;
}

/** @param observations all that may be observed; the first of them at the start */
export function modelOf(machine: AnyStateMachine, observations: readonly Observed[]) {
  const options = {
    events: observations,
    serializeState: stateOf,
    serializeEvent: (event: object) => (event as Observed).when,
  };
  const model = createTestModel(observing(machine, observations[0]?.facts ?? {}), options as object);
  return {
    /** Each state that some observation leads to. */
    reached: () => Object.keys(model.getAdjacencyMap()),
    /** One path, in which each observation follows each: what was before must not matter. */
    fromEachToEach: () => model.getPathsFromEvents(everyPair(observations), options as object),
  };
}

/** By its value: what was observed on the way to a state makes it no other. */
const stateOf = ({ value }: { value: unknown }): string => String(value);

/** The states of a machine that it may rest in: the others go on, whatever the facts are. */
export const restingStates = (machine: AnyStateMachine): string[] =>
  (Object.values(machine.root.states) as AnyStateNode[])
    .filter(({ always = [] }) => always.every(({ guard }) => guard !== undefined))
    .map(({ key }) => key);

function observing({ config, implementations }: AnyStateMachine, facts: object): AnyStateMachine {
  // A field that is absent from the new facts must not keep the value that it had in the old ones.
  const replace = ({ context, event }: { context: object; event: unknown }) => ({
    ...Object.fromEntries(Object.keys(context).map((field) => [field, undefined])),
    ...(event as Observed).facts,
  });
  const observed = { target: `.${config.initial}`, actions: assign(replace) };
  return createMachine({ ...config, context: facts, on: { observed } }, implementations as object);
}

/** A sequence in which each comes right after each, itself included. */
function everyPair<T>(all: readonly T[]): T[] {
  return all.flatMap((one, index) => [one, one, ...all.slice(index + 1).flatMap((other) => [other, one])]);
}
