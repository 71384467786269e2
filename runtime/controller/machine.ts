/** The machine host: climbs a controller's XState machine from facts to the state whose work is not done. */
import { type AnyStateMachine, initialTransition, transition } from 'xstate';

/** A command as a machine names it; the controller maps each type to a function. */
export interface AnyCommand {
  readonly type: string;
  readonly params: unknown;
}

export interface Climb<State extends string, Command extends AnyCommand> {
  readonly state: State;
  /** What to carry out now, in order. */
  readonly commands: readonly Command[];
}

/** The event whose transitions carry the commands of a state; see `climb`. */
const ACT = { type: 'act' } as const;
export type ActEvent = typeof ACT;

/** What a transition without parameters lists for an action that XState itself takes care of. */
const BUILT_IN = /^xstate\./;

/**
 * Starts the machine afresh with `facts` as its input, lets its `always` guards carry it to the first state whose
 * work is not done, and gives back that state's commands: the actions of its `act` transition. (Entry actions
 * would not do: a climb passes through every finished state, and would list theirs as well.)
 */
export function climb<State extends string, Command extends AnyCommand>(
  machine: AnyStateMachine,
  facts: unknown,
): Climb<State, Command> {
  const [snapshot] = initialTransition(machine, facts);
  const [, actions] = transition(machine, snapshot, ACT);
  const commands = actions
    .filter((action) => !BUILT_IN.test(action.type))
    .map((action) => ({ type: action.type, params: action.params }));
  // XState does not narrow `params` by `type`: the one cast of the host. A controller's table is typed by its union.
  return { state: snapshot.value as State, commands: commands as unknown as Command[] };
}
