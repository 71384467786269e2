/** What the next commit is decided on: the state, and over it all that is on its way. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { Change, Reader, Write } from '../../../api/store.ts';
import { Head } from '../../../runtime/store/head.ts';
import { stage } from '../../../runtime/store/staging.ts';
import { MutableState } from '../../../runtime/store/state.ts';
import { event, lease, put, remove } from '../../conformance/objects.ts';
import { copyState } from '../../vocabulary/state.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const NODES = ['n1', 'n2'];
const write: fc.Arbitrary<Write> = fc
  .tuple(fc.constantFrom(...NAMES), fc.option(fc.constantFrom(...NODES)))
  .map(([name, node]) => (node === null ? remove(name) : put(event(name, '', node))));
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('commit' as const), writes: fc.array(write) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('land' as const), commits: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('overtaken' as const), writes: fc.array(write) }) },
);

const whatIsSeen = (reader: Reader) => ({
  all: reader.list('Event'),
  each: NAMES.map((name) => reader.get('Event', name)),
  byNode: NODES.map((node) => reader.byIndex('Event', 'regarding', `Node/${node}`)),
  count: reader.count('Event'),
  revision: reader.revision,
});

/** A head, and the states that it must look like: with what is on its way, and without. */
class Given {
  readonly shown = new MutableState();
  readonly head = new Head(this.shown);
  #expected = new MutableState();
  #underWay: (readonly Change[])[] = [];

  commit(writes: readonly Write[]): void {
    const { changes } = stage(this.head, writes);
    this.head.decide(changes, this.head.revision + changes.length);
    this.#expected.apply(changes);
    this.#underWay.push(changes);
  }

  land(commits: number): void {
    for (const changes of this.#underWay.splice(0, commits)) {
      this.shown.apply(changes);
      this.head.settle(changes.length);
    }
  }

  overtaken(writes: readonly Write[]): void {
    this.head.rollBack();
    this.#underWay = [];
    this.shown.apply(stage(this.shown, writes).changes);
    this.#expected = new MutableState();
    copyState(this.shown, this.#expected);
  }

  check(): void {
    expect(whatIsSeen(this.head)).to.deep.equal(whatIsSeen(this.#expected));
  }
}

describe('the head', () => {
  it('is what a copy of the state would be that takes each commit at once, and loses what is overtaken', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const given = new Given();
        for (const each of steps) {
          if (each.type === 'land') given.land(each.commits);
          else given[each.type](each.writes);
          given.check();
        }
      }),
      { numRuns: 300 },
    );
  });

  it('gives out the lists of the state themselves where nothing of the kind is on its way', () => {
    const given = new Given();
    given.commit([put(event('a'))]);
    expect(given.head.list('Event')).not.to.equal(given.shown.list('Event'));
    given.land(1);
    expect(given.head.list('Event')).to.equal(given.shown.list('Event'));
  });

  it('shows leases as the state does, which count by themselves', () => {
    const { shown, head } = new Given();
    shown.ephemeralRevision = 7;
    shown.put(lease('node-1'));
    expect(head.get('Lease', 'node-1')).to.equal(shown.get('Lease', 'node-1'));
    expect([head.revisionOf('Lease'), head.revisionOf('Event')]).to.deep.equal([7, 0]);
  });

  it('says of each kind when it was changed last, or later where that is not known', () => {
    const given = new Given();
    given.commit([put(event('a'))]);
    expect(given.head.changedAt('Event')).to.equal(1);
    given.overtaken([]);
    expect(given.head.changedAt('Event')).to.equal(0);
    given.commit([put(event('b'))]);
    given.land(1);
    expect([given.head.changedAt('Event'), given.head.changedAt('Node')]).to.deep.equal([1, 0]);
    given.head.reset();
    expect(given.head.changedAt('Node')).to.equal(1);
  });

  it('has no other kinds and no other indexes than the state', () => {
    const { head } = new Given();
    expect(() => head.byIndex('Event', 'nothing', '')).to.throw(RangeError, 'no index "nothing"');
  });
});
