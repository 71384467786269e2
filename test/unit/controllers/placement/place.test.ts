import { expect } from 'chai';
import sinon from 'sinon';
import type { AnyObject } from '../../../../api/kinds/index.ts';
import { isPlaced, type PlacementRequest, place } from '../../../../controllers/placement/place.ts';
import { noPlaceMessage, reasonLines } from '../../../../controllers/placement/reasons.ts';
import { Reservations } from '../../../../controllers/placement/reservations.ts';
import { MutableState } from '../../../../runtime/store/state.ts';
import { alloc, node, service, uidOf, volume } from '../../../vocabulary/objects.ts';

const web = service('web');
const request = (part: Partial<PlacementRequest> = {}): PlacementRequest => ({
  ownerUid: web.metadata.uid,
  template: web.spec.template,
  ...part,
});
const fleet = (...objects: AnyObject[]) => {
  const state = new MutableState();
  for (const object of objects) state.put(object);
  return state;
};
const needing = (cpu: string, memory = '64Mi') =>
  service('big', { template: { resources: { cpu, memory } } }).spec.template;

describe('placement', () => {
  it('puts the same request on the same node, the first by name of equals', () => {
    const nodes = fleet(node('node-2'), node('node-1'), node('node-3'));
    expect(place(request(), nodes)).to.deep.equal({ node: 'node-1' });
  });

  it('spreads the allocs of one service before it fills nodes', () => {
    const nodes = fleet(node('node-1'), node('node-2'), alloc('web-0-a', { node: 'node-1' }));
    expect(place(request(), nodes)).to.deep.equal({ node: 'node-2' });
  });

  it('does not count allocs that are over', () => {
    const over = alloc(
      'web-0-a',
      { node: 'node-1', template: { resources: { cpu: '4' } } },
      { phase: 'failed' },
    );
    expect(place(request(), fleet(node('node-1'), over))).to.deep.equal({ node: 'node-1' });
  });

  it('fills the fullest node that has room, so that large ones find a place later', () => {
    const other = { kind: 'Service', name: 'other', uid: uidOf('Service', 'other') } as const;
    const nodes = fleet(
      node('node-1'),
      node('node-2'),
      node('node-3', { capacity: { cpu: '1' } }),
      alloc('other-0-a', { owner: other, node: 'node-2', template: needing('1') }),
      alloc('other-1-a', { owner: other, node: 'node-3', template: needing('1') }),
    );
    expect(place(request(), nodes)).to.deep.equal({ node: 'node-2' });
  });

  it('says of each node why it cannot take it', () => {
    const nodes = fleet(
      node('node-1', { drain: true }),
      node('node-2', { capacity: { cpu: '200m' } }),
      node('node-3', { unschedulable: true }),
      node('node-4', {}, { phase: 'down' }),
      node('node-5', { removed: true }),
      node('node-6', { capacity: { memory: '32Mi' } }, {}, { labels: { zone: 'a' } }),
      node('node-7', { capacity: { allocs: 0 } }, {}, { labels: { zone: 'a' } }),
      node('node-8', {}, {}, { labels: { zone: 'b' } }),
      node('node-9', {}, {}, { labels: { zone: 'a' } }),
    );
    const placement = { nodeSelector: { zone: 'a' } };
    const exclude = new Set(['node-9']);
    const found = place(request({ template: needing('500m'), placement, exclude }), nodes);
    expect(found).to.deep.equal({
      reasons: [
        { node: 'node-1', reason: 'is draining' },
        { node: 'node-2', reason: 'label zone=a missing' },
        { node: 'node-3', reason: 'is cordoned' },
        { node: 'node-4', reason: 'is down' },
        { node: 'node-5', reason: 'is being removed' },
        { node: 'node-6', reason: 'needs 64Mi memory, 32Mi free' },
        { node: 'node-7', reason: 'has its 0 allocs already' },
        { node: 'node-8', reason: 'label zone=a missing' },
      ],
    });
    expect(
      place(request({ template: needing('500m') }), fleet(node('node-2', { capacity: { cpu: '200m' } }))),
    ).to.deep.equal({
      reasons: [{ node: 'node-2', reason: 'needs 500m CPU, 200m free' }],
    });
    expect(place(request(), fleet())).to.deep.equal({ reasons: [{ reason: 'there are no nodes' }] });
    expect(place(request({ exclude }), fleet(node('node-9')))).to.deep.equal({
      reasons: [{ reason: 'there is no other node' }],
    });
  });

  it('takes the preferred node if that can take it, else another', () => {
    const small = node('node-2', { capacity: { cpu: '200m' } });
    const nodes = fleet(node('node-1'), small, node('node-3'), alloc('web-0-a', { node: 'node-2' }));
    expect(place(request({ prefer: 'node-2' }), nodes)).to.deep.equal({ node: 'node-2' });
    expect(place(request({ prefer: 'node-2', template: needing('500m') }), nodes)).to.deep.equal({
      node: 'node-1',
    });
  });

  it('keeps a volume where it is, and goes elsewhere when that node takes nothing', () => {
    const template = service('db', {
      template: { volumes: [{ name: 'data', volume: 'data', path: '/data' }] },
    }).spec.template;
    const data = volume('data', { node: 'node-2' }, { phase: 'attached', node: 'node-2' });
    const ownerUid = uidOf('Service', 'db');
    expect(place({ ownerUid, template }, fleet(node('node-1'), node('node-2'), data))).to.deep.equal({
      node: 'node-2',
    });
    const draining = fleet(node('node-1'), node('node-2', { drain: true }), data);
    expect(place({ ownerUid, template }, draining)).to.deep.equal({ node: 'node-1' });
  });

  it('has no place for an alloc whose volume does not exist, or is in use by another owner', () => {
    const template = service('db', {
      template: { volumes: [{ name: 'data', volume: 'data', path: '/data' }] },
    }).spec.template;
    const asked = { ownerUid: uidOf('Service', 'db'), template };
    expect(place(asked, fleet(node('node-1')))).to.deep.equal({
      reasons: [{ reason: 'volume data does not exist' }],
    });
    const user = alloc('web-0-a', { template });
    expect(place(asked, fleet(node('node-1'), volume('data'), user))).to.deep.equal({
      reasons: [{ reason: 'volume data is mounted by alloc web-0-a' }],
    });
    expect(
      isPlaced(place({ ...asked, ownerUid: web.metadata.uid }, fleet(node('node-1'), volume('data'), user))),
    ).to.equal(true);
  });

  it('counts what is reserved on paper, for room and for the spread', () => {
    const nodes = fleet(
      node('node-1', { capacity: { cpu: '1' } }),
      node('node-2', { capacity: { cpu: '1' } }),
    );
    const reserved = new Reservations();
    const template = needing('600m');
    const places = [1, 2, 3].map(() => {
      const found = place(request({ template }), nodes, reserved);
      if (isPlaced(found)) reserved.add(found.node, web.metadata.uid, template);
      return isPlaced(found) ? found.node : 'nowhere';
    });
    expect(places).to.deep.equal(['node-1', 'node-2', 'nowhere']);
  });

  it('sees an alloc as soon as it is there, though it remembers what nodes use', () => {
    const nodes = fleet(node('node-1', { capacity: { allocs: 1 } }), node('node-2'));
    expect(place(request(), nodes)).to.deep.equal({ node: 'node-1' });
    nodes.put(alloc('other-0-a', { node: 'node-1', owner: { kind: 'Task', name: 'job', uid: 'job-uid' } }));
    expect(place(request(), nodes)).to.deep.equal({ node: 'node-2' });
  });

  it('looks at no more nodes of a large fleet than it takes to choose well, and not always at the same ones', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `node-${String(index).padStart(3, '0')}`);
    const nodes = fleet(...names.map((name) => node(name)));
    const looked = sinon.spy(nodes, 'byIndex');
    const places = ['a', 'b', 'c', 'd'].map((ownerUid) => place({ ...request(), ownerUid }, nodes));
    expect(looked.callCount).to.be.lessThan(4 * 102);
    expect(new Set(places.map((each) => isPlaced(each) && each.node))).to.have.lengthOf(4);
    nodes.put(node('node-500', { capacity: { cpu: '64' } }));
    const wanted = request({ template: needing('60') });
    expect(place(wanted, nodes)).to.deep.equal({ node: 'node-500' });
  });

  it('tells people nodes with the same reason together, and not thousands of them', () => {
    const draining = [1, 2, 3, 4, 5, 6, 7].map((n) => ({ node: `node-${n}`, reason: 'is draining' }));
    expect(reasonLines(draining)).to.deep.equal([
      'node-1, node-2, node-3, node-4, node-5 and 2 more: is draining',
    ]);
    expect(
      noPlaceMessage([
        { node: 'node-1', reason: 'is down' },
        { node: 'node-2', reason: 'is cordoned' },
      ]),
    ).to.equal('no node has a place for it (node-1: is down; node-2: is cordoned)');
  });
});
