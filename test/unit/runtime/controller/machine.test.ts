/** The host's own climb beside XState's, which it stands in for. */
import { existsSync, readdirSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { type AnyStateMachine, initialTransition, setup, transition } from 'xstate';
import { climb } from '../../../../runtime/controller/machine.ts';

const CONTROLLERS = new URL('../../../../controllers/', import.meta.url);

describe('a climb', () => {
  for (const name of controllers()) {
    it(`of ${name} ends where XState's own ends, whatever its guards say`, async () => {
      const { machine } = (await import(new URL(`${name}/machine.ts`, CONTROLLERS).href)) as {
        machine: AnyStateMachine;
      };
      const guards = Object.keys(machine.implementations.guards);
      const verdicts = fc.array(fc.boolean(), { minLength: guards.length, maxLength: guards.length });
      fc.assert(
        fc.property(verdicts, (said) => {
          const judged = machine.provide({
            guards: Object.fromEntries(guards.map((guard, index) => [guard, () => said[index] === true])),
          });
          expect(outline(climb(judged, anything))).to.deep.equal(outline(climbByXState(judged, anything)));
        }),
        { numRuns: 300 },
      );
    });
  }

  it('gives a command the parameters that the facts make', () => {
    const machine = setup({
      types: { context: {} as { names: string[] }, input: {} as { names: string[] } },
      actions: {
        stop: (_, _params: { names: string[] }) => {},
        announce: (_, _params: { loud: true }) => {},
      },
    }).createMachine({
      context: ({ input }) => input,
      initial: 'stopping',
      states: {
        stopping: {
          on: {
            act: {
              actions: [
                { type: 'stop', params: ({ context }) => ({ names: context.names }) },
                { type: 'announce', params: { loud: true } },
              ],
            },
          },
        },
      },
    });
    const facts = { names: ['web-1'] };
    expect(climb(machine, facts)).to.deep.equal(climbByXState(machine, facts));
    expect(climb(machine, facts).commands).to.deep.equal([
      { type: 'stop', params: { names: ['web-1'] } },
      { type: 'announce', params: { loud: true } },
    ]);
  });

  it('throws what a guard throws, so that its key is tried again', () => {
    const machine = setup({
      guards: {
        isBroken: () => {
          throw new TypeError('no such fact');
        },
      },
    }).createMachine({
      initial: 'judging',
      states: { judging: { always: { guard: 'isBroken', target: 'done' } }, done: {} },
    });
    expect(() => climb(machine, {})).to.throw(TypeError, 'no such fact');
  });

  it('says so where a machine goes round in circles', () => {
    const machine = setup({}).createMachine({
      id: 'wheel',
      initial: 'left',
      states: { left: { always: 'right' }, right: { always: 'left' } },
    });
    expect(() => climb(machine, {})).to.throw(RangeError, 'machine wheel goes round in circles');
  });
});

function controllers(): string[] {
  return readdirSync(CONTROLLERS).filter((name) => existsSync(new URL(`${name}/machine.ts`, CONTROLLERS)));
}

function climbByXState(machine: AnyStateMachine, facts: unknown): ReturnType<typeof climb> {
  const [{ value }] = initialTransition(machine, facts);
  // XState copies its input into the context, field by field; what has every field has no list of them.
  const snapshot = machine.resolveState({ value, context: facts });
  const [, actions] = transition(machine, snapshot, { type: 'act' });
  const commands = actions.map(({ type, params }) => ({ type, params }));
  return { state: value as string, commands };
}

const outline = ({ state, commands }: ReturnType<typeof climb>) => ({
  state,
  commands: commands.map(({ type }) => type),
});

/** Facts that have every field, of every type: the guards do not look at them. */
const anything: object = new Proxy(() => {}, {
  get: (_, property) => {
    if (property === Symbol.iterator) return function* () {};
    return property === Symbol.toPrimitive ? () => 0 : anything;
  },
  apply: () => anything,
});
