import { expect } from 'chai';
import { allocFacts } from '../../../../controllers/alloc/facts.ts';
import { MutableState } from '../../../../runtime/store/state.ts';
import { alloc, volume } from '../../../vocabulary/objects.ts';

const mounts = { directory: () => '/mnt/data', problem: () => undefined };
const here = { node: 'node-1', address: '127.0.0.1', isFenced: false, supervision: undefined };

describe('the facts of an alloc', () => {
  const state = new MutableState();
  state.put(volume('data', { node: 'node-1' }, { phase: 'attached', node: 'node-1', mounted: true }));
  const template = { volumes: [{ name: 'data', volume: 'data', path: 'data' }] };
  const missing = (user: string | undefined) =>
    allocFacts(alloc('db-0-b', { template }), state, mounts, { ...here, userOf: () => user }, 0)
      .missingVolumes;

  it('miss no volume that is mounted, and that nobody else has open', () => {
    expect(missing(undefined)).to.deep.equal([]);
  });

  it('miss one that another process here has open still: whatever the servers say, it has one writer', () => {
    expect(missing('db-0-a')).to.deep.equal(['volume "data" is in use by alloc "db-0-a" still']);
  });
});
