import { expect } from 'chai';
import fc from 'fast-check';
import type { Event } from '../../../api/kinds/event.ts';
import { MutableState } from '../../../runtime/store/state.ts';
import { event } from '../../conformance/objects.ts';

const NAMES = ['a', 'b', 'c', 'd', 'aa', 'b-1', 'z'];
const NODES = ['n1', 'n2', 'n3'];
const step = fc.record({
  type: fc.constantFrom('put' as const, 'put' as const, 'remove' as const, 'list' as const, 'index' as const),
  name: fc.constantFrom(...NAMES),
  node: fc.constantFrom(...NODES),
});

const sorted = (objects: Iterable<Event>) =>
  [...objects].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));

describe('MutableState', () => {
  it('shows what a plain map would, sorted, by every index, after any sequence of changes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const state = new MutableState();
        const model = new Map<string, Event>();
        for (const { type, name, node } of steps) {
          if (type === 'put') {
            const object = event(name, '', node);
            expect(state.put(object)).to.equal(model.get(name));
            model.set(name, object);
          } else if (type === 'remove') {
            expect(state.remove('Event', name)).to.equal(model.get(name));
            model.delete(name);
          } else if (type === 'list') {
            expect(state.list('Event')).to.deep.equal(sorted(model.values()));
          } else {
            const there = [...model.values()].filter((object) => object.spec.regarding.name === node);
            expect(state.byIndex('Event', 'regarding', `Node/${node}`)).to.deep.equal(sorted(there));
          }
        }
        expect(state.list('Event')).to.deep.equal(sorted(model.values()));
        expect(state.count('Event')).to.equal(model.size);
      }),
    );
  });

  it('gives out the same list until something changes', () => {
    const state = new MutableState();
    state.put(event('b'));
    state.put(event('a'));
    const list = state.list('Event');
    expect(state.list('Event')).to.equal(list);
    expect(Object.isFrozen(list)).to.equal(true);
    state.put(event('a', 'changed'));
    expect(state.list('Event').map((object) => object.spec.message)).to.deep.equal(['changed', '']);
    expect(list.map((object) => object.spec.message)).to.deep.equal(['', '']);
  });

  for (const changed of [1, 16, 17, 100]) {
    it(`lists ${changed} of a hundred objects as they are after a change`, () => {
      const state = new MutableState();
      const names = Array.from({ length: 100 }, (_, index) => `e-${index}`);
      for (const name of names) state.put(event(name));
      state.list('Event');
      for (const name of names.slice(0, changed)) state.put(event(name, 'changed'));
      const list = state.list('Event');
      expect(list.filter(({ spec }) => spec.message === 'changed')).to.have.length(changed);
      expect(list.map(({ metadata }) => metadata.name)).to.deep.equal([...names].sort());
    });
  }

  it('freezes what enters, to the last leaf, also under a part that was frozen before', () => {
    const object = event('a');
    Object.freeze(object.spec);
    new MutableState().put(object);
    expect(Object.isFrozen(object.spec.regarding)).to.equal(true);
  });

  it('knows no other kinds and no other indexes', () => {
    const state = new MutableState();
    expect(() => state.list('Gadget' as 'Event')).to.throw(RangeError, 'there is no kind "Gadget"');
    expect(() => state.byIndex('Alloc', 'colour', 'red')).to.throw(
      RangeError,
      'kind Alloc has no index "colour"',
    );
  });
});
