/** The checker says yes to histories that some order explains, and no to every kind of broken promise. */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  ABSENT,
  type Action,
  type Operation,
  STRIDE,
  whyNotLinearizable,
} from '../../consistency/linearizability.ts';

let ids = 0;
/** An operation between two moments; `undefined` as its end: nobody knows. */
const op = (
  action: Action | Action['type'],
  from: number,
  to: number | undefined,
  value?: number,
): Operation => ({
  id: `op-${++ids}`,
  action: typeof action === 'string' ? ({ type: action } as Action) : action,
  invokedMs: from,
  ...(to === undefined ? {} : { returnedMs: to }),
  ...(value === undefined ? {} : { value }),
});
const write = (value: number): Action => ({ type: 'write', value });
const yes = (...history: Operation[]) => expect(whyNotLinearizable(history)).to.equal(undefined);
const no = (...history: Operation[]) => expect(whyNotLinearizable(history)).to.be.a('string');

describe('the linearizability checker', () => {
  it('takes what happens one after the other', () => {
    yes(op('read', 0, 1, ABSENT), op('increment', 2, 3, 1), op('read', 4, 5, 1), op('delete', 6, 7));
    yes(op(write(STRIDE), 0, 1), op('increment', 2, 3, STRIDE + 1), op('read', 4, 5, STRIDE + 1));
  });

  it('takes what happens at once, in any order that explains the answers', () => {
    yes(op('increment', 0, 10, 2), op('increment', 0, 10, 1), op('read', 0, 10, 0), op('read', 0, 10, 2));
    yes(op(write(STRIDE), 0, 10), op('read', 1, 2, STRIDE), op('read', 3, 4, STRIDE));
  });

  it('finds a lost update', () => {
    no(op('increment', 0, 1, 1), op('increment', 2, 3, 1));
    no(op('increment', 0, 10, 1), op('increment', 0, 10, 1));
    no(op(write(STRIDE), 0, 1), op('read', 2, 3, ABSENT));
  });

  it('finds a stale read', () => {
    no(op('increment', 0, 1, 1), op('increment', 2, 3, 2), op('read', 4, 5, 1));
    // Two readers may not see a write that is under way in different orders.
    no(op('increment', 0, 10, 1), op('read', 1, 2, 1), op('read', 3, 4, 0));
  });

  it('finds a phantom: what nobody wrote', () => {
    no(op('read', 0, 1, 7));
    no(op('increment', 0, 1, 1), op('read', 2, 3, 2));
  });

  it('finds what was made twice', () => {
    no(op('increment', 0, 1, 1), op('read', 2, 3, 2), op('increment', 4, 5, 3));
  });

  it('lets an operation of unknown outcome have happened, later, or never', () => {
    yes(op('increment', 0, undefined), op('read', 1, 2, 0), op('read', 3, 4, 1));
    yes(op('increment', 0, undefined), op('increment', 1, 2, 1), op('read', 3, 4, 1));
    yes(op(write(STRIDE), 0, undefined), op('read', 1, 2, 0), op('increment', 3, 4, STRIDE + 1));
    yes(op(write(STRIDE), 0, undefined), op('delete', 0, undefined), op('read', 5, 6, STRIDE));
  });

  it('does not let it happen twice, before its call, or after it was undone', () => {
    no(op('increment', 0, undefined), op('read', 1, 2, 2));
    no(op('read', 0, 1, 1), op('increment', 2, undefined));
    no(op('increment', 0, undefined), op('read', 1, 2, 1), op('read', 3, 4, 0));
  });

  it('finds what was refused, and happened all the same: it is no part of the history', () => {
    no(op('increment', 0, 1, 1), op('increment', 4, 5, 3));
  });

  it('decides as trying every order does', () => {
    const operation = fc.record({
      action: fc.constantFrom<Action>(
        { type: 'read' },
        { type: 'increment' },
        { type: 'delete' },
        write(STRIDE),
      ),
      from: fc.nat(8),
      lasts: fc.option(fc.nat(5), { nil: undefined, freq: 4 }),
      value: fc.constantFrom(0, 1, 2, STRIDE, STRIDE + 1),
    });
    const histories = fc.array(operation, { maxLength: 5 }).map((drawn) =>
      drawn.map(({ action, from, lasts, value }) => {
        const answers = lasts !== undefined && ['read', 'increment'].includes(action.type);
        return op(action, from, lasts === undefined ? undefined : from + lasts, answers ? value : undefined);
      }),
    );
    fc.assert(
      fc.property(histories, (history) => (whyNotLinearizable(history) === undefined) === someOrder(history)),
      { numRuns: 2_000 },
    );
  });

  it('decides a long history of eight writers, with many unknown outcomes, in a moment', () => {
    const history: Operation[] = [];
    let value = 0;
    for (let step = 0; step < 4_000; step++) {
      const isUnknown = step % 40 === 0;
      value += 1;
      history.push(
        op('increment', 8 * step, isUnknown ? undefined : 8 * step + 60, isUnknown ? undefined : value),
      );
    }
    yes(...history);
    no(...history, op('read', 40_000, 40_001, value + 1));
  });
});

/** Every subset of the unknown ones, in every order: slow, and plainly right. */
function someOrder(history: readonly Operation[], value = ABSENT): boolean {
  if (history.every(({ returnedMs }) => returnedMs === undefined)) return true;
  return history.some((next) => {
    const others = history.filter((each) => each !== next);
    if (others.some(({ returnedMs }) => returnedMs !== undefined && returnedMs < next.invokedMs))
      return false;
    const { action, returnedMs, value: answer } = next;
    if (action.type === 'write') return someOrder(others, action.value);
    if (action.type === 'delete') return someOrder(others, ABSENT);
    const left = action.type === 'increment' ? value + 1 : value;
    return (returnedMs === undefined || left === answer) && someOrder(others, left);
  });
}
