/** Leases that several servers write. */
import { expect } from 'chai';
import { actor, blindly, lease, put } from '../../../conformance/objects.ts';
import { Servers } from './servers.ts';

const heartbeat = (appliedRevision: number) => blindly(put(lease('node-1', appliedRevision)));
const KIND = { kind: 'Lease' } as const;

describe('a lease that another server has written first', () => {
  for (const [when, isReadEarly] of [
    ['before the answer came', true],
    ['after the answer came', false],
  ] as const) {
    it(`is written on top of that at once, which was read ${when}`, async () => {
      const servers = new Servers('batches');
      const [one, two] = [await servers.start(), await servers.start()];
      two.leases.hold();
      await one.engine.commit(actor, heartbeat(1), KIND);
      const written = two.engine.commit(actor, heartbeat(2), KIND);
      if (!isReadEarly) await Promise.resolve();
      two.leases.release();
      // Nothing else comes, and no time passes.
      await written;
      expect(one.engine.state.get('Lease', 'node-1')?.spec.appliedRevision).to.equal(2);
    });
  }
});
