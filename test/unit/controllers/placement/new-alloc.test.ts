import { expect } from 'chai';
import { MAX_NAME_LENGTH } from '../../../../api/meta.ts';
import { checkObject } from '../../../../api/validation/object.ts';
import { newAlloc } from '../../../../controllers/placement/new-alloc.ts';
import { service, task } from '../../../vocabulary/objects.ts';

const random = () => 0.5;

describe('a new alloc', () => {
  it('is named after its owner and slot, and belongs to it', () => {
    const owner = service('web', { ports: [{ name: 'http' }] });
    const alloc = newAlloc({ owner, node: 'node-1', slot: 2, replaces: 'web-2-old', random });
    expect(alloc.metadata.name).to.equal('web-2-i0000');
    expect(alloc.metadata.ownerReferences?.[0]).to.include({
      kind: 'Service',
      name: 'web',
      uid: owner.metadata.uid,
    });
    expect(alloc.spec).to.deep.include({ node: 'node-1', slot: 2, replaces: 'web-2-old', ports: ['http'] });
  });

  it('has a name that fits, however long that of its owner is', () => {
    for (const name of [
      `${'a'.repeat(200)}.${'b'.repeat(52)}`,
      `${'a'.repeat(244)}-b`,
      'a'.repeat(MAX_NAME_LENGTH),
    ]) {
      for (const owner of [service(name), task(name)]) {
        const alloc = newAlloc({ owner, node: 'node-1', slot: 9_999, random });
        expect(() => checkObject('Alloc', alloc, ['metadata', 'spec'])).not.to.throw();
        expect(alloc.metadata).not.to.have.property('labels');
      }
    }
  });
});
