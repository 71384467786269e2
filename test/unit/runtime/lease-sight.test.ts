/** How the silence of a lease's holder is measured. */
import { expect } from 'chai';
import { timestamp } from '../../../api/clock.ts';
import { nodeLeaseName } from '../../../api/kinds/lease.ts';
import { LeaseSight } from '../../../runtime/lease-sight.ts';
import { START_MS } from '../../vocabulary/clock.ts';
import { nodeLease } from '../../vocabulary/objects.ts';
import { createWorld, type World } from '../../vocabulary/world.ts';

const DURATION_MS = 10_000;

describe('the sight of leases', () => {
  let world: World;
  let sight: LeaseSight;
  beforeEach(async () => {
    world = await createWorld({ objects: [nodeLease('old', { durationMs: DURATION_MS })] });
    sight = new LeaseSight(world.store, world.clock);
  });
  afterEach(() => world.close());

  const renew = (sentMs: number) =>
    world.put(nodeLease('node-1', { durationMs: DURATION_MS, renewTime: timestamp(sentMs) }));
  const leaseOf = (node: string) => world.get('Lease', nodeLeaseName(node));

  for (const [who, offsetMs] of [
    ['ahead', 3_600_000],
    ['behind', -3_600_000],
  ] as const) {
    it(`counts from when a heartbeat was seen, of a holder whose clock is an hour ${who}`, async () => {
      await world.advance(500);
      await renew(world.clock.now() + offsetMs);
      await world.advance(4_000);
      expect(sight.expiryMs(leaseOf('node-1'))).to.equal(START_MS + 500 + DURATION_MS);
    });
  }

  it('takes a late heartbeat for no older than the one that overtook it', async () => {
    await world.advance(9_000);
    await renew(START_MS + 9_000);
    await world.advance(10);
    await renew(START_MS);
    expect(sight.expiryMs(leaseOf('node-1'))).to.equal(START_MS + 9_010 + DURATION_MS);
  });

  it('counts one that was there at the start from then, and has not heard its holder', async () => {
    await world.advance(1_000);
    expect(sight.expiryMs(leaseOf('old'))).to.equal(START_MS + DURATION_MS);
    expect(sight.hasHeard(leaseOf('old'))).to.equal(false);
    await renew(START_MS);
    expect(sight.hasHeard(leaseOf('node-1'))).to.equal(true);
  });
});
