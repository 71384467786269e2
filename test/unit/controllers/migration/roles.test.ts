import { expect } from 'chai';
import { originalState } from '../../../../controllers/migration/roles.ts';
import { healthyAlloc, service } from '../../../vocabulary/objects.ts';

describe('the original of a migration', () => {
  const suspended = (observedGeneration: number) =>
    healthyAlloc(
      'db-0-old',
      service('db'),
      { desired: 'suspended' },
      { phase: 'suspended', observedGeneration },
    );

  it('is suspended when its agent says so of what is wanted now', () => {
    expect(originalState(suspended(1))).to.equal('suspended');
  });

  it('is not yet, where that was said before: an agent that heard that it should run may be starting it', () => {
    expect(originalState(suspended(0))).to.equal('suspending');
  });
});
