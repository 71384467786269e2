/** The audit of a run takes what is right, and names each promise that was broken. */
import { expect } from 'chai';
import { audit, type Final } from '../../consistency/audit.ts';
import { compareCopies } from '../../consistency/copies.ts';
import type { Line, Outcome, Sighting, Version } from '../../consistency/history.ts';
import type { StoredObject } from '../../consistency/replicas.ts';

const saw = (revision: number, object: string, attempt: string, more: Partial<Sighting> = {}): Line => ({
  type: 'saw',
  revision,
  object,
  attempt,
  ...more,
});
const ended = (attempt: string, outcome: Outcome, wrote: readonly Version[] = []): Line => ({
  type: 'ended',
  ms: 2,
  attempt,
  outcome,
  wrote,
});
const final = (object: string, revision: number, attempt: string): Final => ({ object, revision, attempt });
const violations = (histories: readonly (readonly Line[])[], finals: readonly Final[] = []) =>
  audit(new Map(histories.map((lines, index) => [`server-${index}`, lines])), finals).violations;

const NODE = 'Node/n';
const placed = (revision: number, attempt: string, read: number): Line =>
  saw(revision, `Alloc/${attempt}`, attempt, {
    node: 'n',
    isOver: false,
    reads: [
      [NODE, read],
      [`Alloc/${attempt}`, 0],
    ],
  });

describe('the audit of histories', () => {
  it('takes a run in which all is right', () => {
    const history = [
      saw(1, NODE, 'a'),
      placed(2, 'b', 1),
      saw(3, 'Alloc/b', 'c', { node: 'n', isOver: true, reads: [['Alloc/b', 2]] }),
      saw(4, NODE, 'd', {
        isLeaving: true,
        isRemoved: true,
        reads: [
          [NODE, 1],
          ['Alloc/b', 3],
        ],
      }),
      ended('b', 'done', [['Alloc/b', 2]]),
      ended('e', 'refused'),
      saw(5, 'Alloc/b', '', { isDeleted: true }),
    ];
    expect(violations([history, history.slice(0, 3)], [final(NODE, 4, 'd')])).to.deep.equal([]);
  });

  it('finds a fork, and what was shown in the wrong order', () => {
    expect(violations([[saw(1, NODE, 'a')], [saw(1, NODE, 'b')]]).join()).to.include('fork');
    expect(violations([[saw(2, NODE, 'a'), saw(1, NODE, 'b')]]).join()).to.include('order');
  });

  it('finds an acknowledged write that is lost, or is another', () => {
    const acknowledged = ended('a', 'done', [[NODE, 3]]);
    expect(violations([[acknowledged]]).join()).to.include('lost');
    expect(violations([[acknowledged]], [final(NODE, 2, 'b')]).join()).to.include('lost');
    expect(violations([[acknowledged]], [final(NODE, 3, 'b')]).join()).to.include('lost');
    expect(violations([[acknowledged, saw(3, NODE, 'b')]], [final(NODE, 4, 'c')]).join()).to.include('lost');
    expect(violations([[acknowledged]], [final(NODE, 4, 'c')])).to.deep.equal([]);
  });

  it('takes an object for deleted where those who saw it deleted may all have been killed', () => {
    const deleting = {
      type: 'begun',
      ms: 0,
      attempt: 'd',
      what: 'delete',
      counter: 'x',
      action: { type: 'delete' },
    } as const;
    const seen = [saw(1, 'Event/x', 'a'), saw(3, 'Event/x', 'b', { reads: [['Event/x', 0]] })];
    expect(violations([[deleting], seen])).to.deep.equal([]);
    expect(violations([seen]).join()).to.include('stale decision');
    expect(violations([[deleting, ended('d', 'refused')], seen]).join()).to.include('stale decision');
  });

  it('finds a decision on what was changed before it landed', () => {
    const history = [saw(1, NODE, 'a'), saw(2, NODE, 'b'), saw(3, 'Event/x', 'c', { reads: [[NODE, 1]] })];
    expect(violations([history]).join()).to.include('stale decision');
  });

  it('finds an alloc on a node that leaves, and one that was not looked at when its node was removed', () => {
    const leaving = saw(2, NODE, 'b', { isLeaving: true });
    expect(violations([[saw(1, NODE, 'a'), leaving, placed(3, 'c', 2)]]).join()).to.include('invariant 1');
    const removed = saw(3, NODE, 'c', { isLeaving: true, isRemoved: true, reads: [[NODE, 1]] });
    expect(violations([[saw(1, NODE, 'a'), placed(2, 'b', 1), removed]]).join()).to.include('phantom');
    const later = saw(4, 'Alloc/b', 'd', { node: 'n', isOver: false });
    expect(violations([[saw(1, NODE, 'a'), placed(2, 'b', 1), removed, later]]).join()).to.include(
      'invariant 2',
    );
  });

  it('finds what was told to be refused, and happened', () => {
    const count = (attempt: string, ms: number): Line => ({
      type: 'begun',
      ms,
      attempt,
      what: 'count',
      counter: 'x',
      action: { type: 'increment' },
    });
    const done = (attempt: string, ms: number, value: number): Line => ({
      type: 'ended',
      ms,
      attempt,
      outcome: 'done',
      value,
    });
    const history = [count('a', 1), ended('a', 'unavailable'), count('b', 3), done('b', 4, 2)];
    expect(violations([history]).join()).to.include('not linearizable');
    const unknown = [count('a', 1), ended('a', 'unknown'), count('b', 3), done('b', 4, 2)];
    expect(violations([unknown])).to.deep.equal([]);
  });
});

describe('the comparison of copies', () => {
  const text = '{"kind":"Node","metadata":{"name":"n","resourceVersion":"2"}}';
  const object: StoredObject = { object: NODE, revision: 2, attempt: 'a', text };
  const record = { sequence: 2, subject: '$KV.mill.nodes.n', id: 'a', isDeletion: false, text };
  const compare = (objects: readonly StoredObject[], records: readonly (typeof record)[]) =>
    compareCopies({
      bucket: 'mill',
      servers: [
        { name: 'one', objects: [object] },
        { name: 'other', objects },
      ],
      replicas: new Map([
        ['nats-1', [record]],
        ['nats-2', records],
      ]),
    });

  it('takes the same everywhere', () => {
    expect(compare([object], [record])).to.deep.equal([]);
  });

  it('finds a server, and a replica, that holds something else', () => {
    expect(compare([], [record]).join()).to.include('one and other');
    expect(compare([object], []).join()).to.include('one and nats-2');
    expect(compare([object], [{ ...record, isDeletion: true }]).join()).to.include('one and nats-2');
    expect(compare([object], [{ ...record, id: 'b' }]).join()).to.include('nats-1 and nats-2');
  });
});
