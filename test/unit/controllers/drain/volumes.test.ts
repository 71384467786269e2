import { expect } from 'chai';
import type { AnyObject } from '../../../../api/kinds/index.ts';
import { sortVolumes } from '../../../../controllers/drain/volumes.ts';
import { MutableState } from '../../../../runtime/store/state.ts';
import { alloc, node, volume } from '../../../vocabulary/objects.ts';

const attached = volume(
  'data',
  { driver: 'local', node: 'node-1' },
  { phase: 'attached', node: 'node-1', handle: 'disk' },
);
const mounter = (on: string) =>
  alloc('db-0', { node: on, template: { volumes: [{ name: 'data', volume: 'data', path: 'data' }] } });

const released = (...objects: AnyObject[]): readonly string[] => {
  const state = new MutableState();
  for (const object of [attached, ...objects]) state.put(object);
  return sortVolumes('node-1', state).toRelease;
};

describe('the volumes of a node that is drained', () => {
  it('are released where nobody uses them', () => {
    expect(released()).to.deep.equal(['data']);
  });

  it('are left to an alloc of the node itself', () => {
    expect(released(mounter('node-1'))).to.deep.equal([]);
  });

  it('are left to an alloc that fetches them', () => {
    expect(released(mounter('node-2'), node('node-2'))).to.deep.equal([]);
  });

  it('are released where the alloc that wants them is on a node that may not have them', () => {
    expect(released(mounter('node-2'), node('node-2', { drain: true }))).to.deep.equal(['data']);
    expect(released(mounter('node-2'), node('node-2', {}, { phase: 'down' }))).to.deep.equal(['data']);
    expect(released(mounter('node-2'))).to.deep.equal(['data']);
  });
});
