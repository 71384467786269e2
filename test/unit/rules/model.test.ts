/** The invariants, said once more and in another way, against every combination of what is there and what is asked for. */
import { expect } from 'chai';
import type { Alloc } from '../../../api/kinds/alloc.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import type { Node } from '../../../api/kinds/node.ts';
import { combinations } from '../../vocabulary/combinations.ts';
import { alloc, changed, healthyAlloc, leadership, node, service, volume } from '../../vocabulary/objects.ts';
import { controller, objection, put, remove } from './objection.ts';

type Phase = Alloc['status']['phase'];

const either = [true, false] as const;
const NODE_PHASES: readonly Node['status']['phase'][] = ['ready', 'draining', 'down'];
const ACTIVE: readonly Phase[] = ['pending', 'starting', 'running', 'healthy', 'stopping', 'suspended'];
const OVER: readonly Phase[] = ['stopped', 'failed'];
const PHASES = [...ACTIVE, ...OVER];
const isOver = (phase: Phase): boolean => OVER.includes(phase);
const isAllowed = (...asked: Parameters<typeof objection>): boolean => objection(...asked) === undefined;
const says = (facts: object): string => JSON.stringify(facts);

describe('the rules, whatever is there', () => {
  it('let an alloc come only to a node that is there, up, and not to be left', () => {
    const nodes = combinations<{
      phase: Node['status']['phase'];
      drain: boolean;
      removed: boolean;
      cordoned: boolean;
    }>({
      phase: NODE_PHASES,
      drain: either,
      removed: either,
      cordoned: either,
    });
    const asked = put(alloc('web-0-a'));
    expect(isAllowed([], asked)).to.equal(false);
    for (const { phase, drain, removed, cordoned } of nodes) {
      const there = node('node-1', { drain, removed, unschedulable: cordoned }, { phase });
      const mayCome = phase !== 'down' && !drain && !removed && !cordoned;
      expect(isAllowed([there], asked), says({ phase, drain, removed, cordoned })).to.equal(mayCome);
    }
  });

  it('let nothing change an alloc that is over', () => {
    for (const { from, to, route } of combinations<{ from: Phase; to: Phase; route: 'routed' | 'unrouted' }>({
      from: PHASES,
      to: PHASES,
      route: ['routed', 'unrouted'],
    })) {
      const before = alloc('web-0-a', {}, { phase: from, route: 'routed' });
      const after = changed(before, { status: { phase: to, route } });
      const isSame = from === to && route === 'routed';
      expect(isAllowed([before], put(after)), says({ from, to, route })).to.equal(isSame || !isOver(from));
      expect(isAllowed([before], remove(before)), `delete ${from}`).to.equal(isOver(from));
    }
  });

  it('let who leads write in the present term only, and only while somebody leads', () => {
    const write = put(node('node-1', { unschedulable: true }));
    const terms = [1, 2, 3] as const;
    for (const { term, isLed, present } of combinations<{ term: number; isLed: boolean; present: number }>({
      term: terms,
      isLed: either,
      present: terms,
    })) {
      const actor = { ...controller, leadership: { name: 'drain', term } };
      const there = leadership('drain', { term: present, ...(isLed ? { server: 'a' } : {}) });
      const asked = says({ term, isLed, present });
      expect(isAllowed([there], write, actor), asked).to.equal(isLed && term === present);
    }
    expect(isAllowed([], write, { ...controller, leadership: { name: 'drain', term: 1 } })).to.equal(false);
  });

  it('let no slot have two allocs that are not over', () => {
    for (const phase of PHASES) {
      const there = [node('node-1'), alloc('web-0-a', {}, { phase })];
      expect(isAllowed(there, put(alloc('web-0-b'))), phase).to.equal(isOver(phase));
      expect(isAllowed(there, put(alloc('web-1-b', { slot: 1 }))), `another slot, ${phase}`).to.equal(true);
    }
  });

  it('let an original be stopped as migrated only while its replacement serves', () => {
    const web = service('web');
    const original = healthyAlloc('web-0-a', web);
    const asked = put(changed(original, { spec: { desired: 'stopped', stopReason: 'Migrated' } }));
    for (const { phase, desired, route } of combinations<{
      phase: Phase;
      desired: Alloc['spec']['desired'];
      route: 'routed' | 'unrouted';
    }>({ phase: PHASES, desired: ['running', 'suspended', 'stopped'], route: ['routed', 'unrouted'] })) {
      const replacement = healthyAlloc(
        'web-0-b',
        web,
        { node: 'node-2', replaces: 'web-0-a', desired },
        { phase, route },
      );
      const serves = phase === 'healthy' && desired === 'running' && route === 'routed';
      expect(isAllowed([original, replacement], asked), says({ phase, desired, route })).to.equal(serves);
    }
  });

  it('let a node be removed only when nothing is on it', () => {
    const there = node('node-1');
    for (const { phase, at } of combinations<{ phase: Phase | 'none'; at: string }>({
      phase: ['none', ...PHASES],
      at: ['nowhere', 'node-1', 'node-2'],
    })) {
      const objects: AnyObject[] = [
        there,
        volume('data', {}, at === 'nowhere' ? {} : { phase: 'attached', node: at }),
        ...(phase === 'none' ? [] : [alloc('web-0-a', {}, { phase })]),
      ];
      const isEmpty = (phase === 'none' || isOver(phase)) && at !== 'node-1';
      expect(
        isAllowed(objects, put(changed(there, { spec: { removed: true } }))),
        says({ phase, at }),
      ).to.equal(isEmpty);
      expect(isAllowed(objects, remove(there)), says({ phase, at })).to.equal(isEmpty);
    }
  });

  it('let a volume be on one node at a time, never where it must not come, and never leave a live writer', () => {
    const mounts = { volumes: [{ name: 'data', volume: 'data', path: '/data' }] };
    let allowed = 0;
    for (const { from, to, mounted, writer, home, target } of combinations<{
      from: string;
      to: string;
      mounted: boolean;
      writer: Phase | 'none';
      home: 'ready' | 'down';
      target: 'ready' | 'draining' | 'removed';
    }>({
      from: ['', 'node-1'],
      to: ['', 'node-1', 'node-2'],
      mounted: either,
      writer: ['none', ...PHASES],
      home: ['ready', 'down'],
      target: ['ready', 'draining', 'removed'],
    })) {
      const before = volume('data', {}, from === '' ? {} : { phase: 'attached', node: from, mounted });
      const after = volume('data', {}, to === '' ? {} : { phase: 'attached', node: to, mounted });
      const there = [
        before,
        node('node-1', {}, { phase: home }),
        node('node-2', { drain: target === 'draining', removed: target === 'removed' }),
        ...(writer === 'none' ? [] : [alloc('db-0-a', { template: mounts }, { phase: writer })]),
      ];
      if (!isAllowed(there, put(after))) continue;
      allowed += 1;
      const facts = says({ from, to, mounted, writer, home, target });
      expect(from !== '' && to !== '' && from !== to, `two nodes: ${facts}`).to.equal(false);
      if (to === 'node-2') expect(target, facts).to.equal('ready');
      if (from === 'node-1' && to === '' && home === 'ready') {
        expect(mounted, `mounted: ${facts}`).to.equal(false);
        expect(['none', 'suspended', ...OVER], `pulled from a writer: ${facts}`).to.include(writer);
      }
    }
    expect(allowed).to.be.greaterThan(0);
  });
});
