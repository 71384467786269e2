/** The machine host: climbs a controller's XState machine from facts to the state whose work is not done. */
import type {
  AnyMachineSnapshot,
  AnyStateMachine,
  AnyStateNode,
  AnyTransitionDefinition,
  MachineContext,
} from 'xstate';
import { evaluateGuard } from 'xstate/guards';

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

/** More than any machine has states: a climb that takes so many steps goes round in circles. */
const MOST_STEPS = 100;

/**
 * Starts the machine afresh with `facts` as its input, lets its `always` guards carry it to the first state whose
 * work is not done, and gives back that state's commands: the actions of its `act` transition. (Entry actions
 * would not do: a climb passes through every finished state, and would list theirs as well.)
 *
 * It gives what XState's own `initialTransition` and `transition` give, of which a test makes sure, and takes a tenth of
 * their time: they make an actor and a snapshot for every state on the way, and a controller climbs at each event.
 * @throws what a guard throws
 */
export function climb<State extends string, Command extends AnyCommand>(
  machine: AnyStateMachine,
  facts: unknown,
): Climb<State, Command> {
  const snapshot: Standpoint = { machine, context: facts as MachineContext };
  const state = restOf(machine, snapshot);
  const act = state.transitions.get(ACT.type)?.find((transition) => isEnabled(transition, snapshot));
  const commands = act?.actions.map((action) => commandOf(action, snapshot.context)) ?? [];
  // XState does not narrow `params` by `type`: the one cast of the host. A controller's table is typed by its union.
  return { state: state.key as State, commands: commands as unknown as Command[] };
}

/** What a guard is judged by. */
interface Standpoint {
  readonly machine: AnyStateMachine;
  readonly context: MachineContext;
}

function restOf(machine: AnyStateMachine, snapshot: Standpoint): AnyStateNode {
  let state = targetOf(machine.root.initial);
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    const next = state.always?.find((transition) => isEnabled(transition, snapshot));
    if (!next) return state;
    state = targetOf(next);
  }
  throw new RangeError(`machine ${machine.id} goes round in circles, through ${state.key}`);
}

/** A controller's machine is flat: a climb is in one state, and in no other. */
function targetOf({ target, source }: Pick<AnyTransitionDefinition, 'target' | 'source'>): AnyStateNode {
  const [state] = target ?? [];
  if (!state) throw new RangeError(`a transition of ${source.id} leads nowhere`);
  return state;
}

const isEnabled = ({ guard }: AnyTransitionDefinition, snapshot: Standpoint): boolean =>
  guard === undefined ||
  // Of a snapshot a guard is given the context and the machine's other guards.
  evaluateGuard(guard, snapshot.context, ACT, snapshot as AnyMachineSnapshot);

function commandOf(action: AnyTransitionDefinition['actions'][number], context: MachineContext): AnyCommand {
  if (typeof action === 'string') return { type: action, params: undefined };
  if (typeof action === 'function') throw new TypeError('an action of a controller has a name');
  const { type, params } = action;
  return { type, params: typeof params === 'function' ? params({ context, event: ACT }) : params };
}
