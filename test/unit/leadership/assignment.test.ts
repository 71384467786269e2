import { expect } from 'chai';
import { assign, countsOf, lighterServer } from '../../../runtime/leadership/assignment.ts';

const counts = (led: Record<string, number>) => new Map(Object.entries(led));

describe('who should lead', () => {
  it('is who leads the fewest, of several the first by name', () => {
    const assigned = assign(['r1', 'r2', 'r3', 'r4'], ['c', 'a', 'b'], counts({ a: 2, b: 1 }));
    expect([...assigned]).to.deep.equal([
      ['r1', 'c'],
      ['r2', 'b'],
      ['r3', 'c'],
      ['r4', 'a'],
    ]);
  });

  it('is nobody where there is no server', () => {
    expect([...assign(['r1'], [], counts({}))]).to.deep.equal([]);
  });

  it('is worked out alike, in whatever order the servers are named', () => {
    const roles = ['r1', 'r2', 'r3', 'r4', 'r5'];
    const [one, other] = [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
    ].map((servers) => [...assign(roles, servers, counts({ b: 1 }))]);
    expect(one).to.deep.equal(other);
  });

  it('counts what is led, and not what is free', () => {
    expect([...countsOf(['a', undefined, 'b', 'a'])]).to.deep.equal([
      ['a', 2],
      ['b', 1],
    ]);
  });

  for (const [what, led, expected] of [
    ['one that leads two fewer', { a: 3, b: 2, c: 1 }, 'c'],
    ['one that leads nothing', { a: 2 }, 'b'],
    ['nobody for a difference of one', { a: 3, b: 2, c: 2 }, undefined],
    ['nobody from one that leads the fewest', { a: 1, b: 3, c: 3 }, undefined],
  ] as const) {
    it(`is changed for ${what}`, () => {
      expect(lighterServer('a', ['b', 'c'], counts(led))).to.equal(expected);
    });
  }

  it('comes to be even, and then stays', () => {
    const led = new Map([
      ['a', 11],
      ['b', 0],
      ['c', 0],
    ]);
    let moves = 0;
    for (let moved = true; moved; ) {
      moved = false;
      for (const from of led.keys()) {
        const to = lighterServer(
          from,
          [...led.keys()].filter((server) => server !== from),
          led,
        );
        if (to === undefined) continue;
        led.set(from, (led.get(from) ?? 0) - 1).set(to, (led.get(to) ?? 0) + 1);
        moved = true;
        moves += 1;
      }
    }
    expect([...led.values()].sort()).to.deep.equal([3, 4, 4]);
    expect(moves).to.equal(7);
  });
});
