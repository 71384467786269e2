import { expect } from 'chai';
import {
  NODE_RETURN_MS,
  WITH_ONE_SERVER,
  WITH_SEVERAL_SERVERS,
} from '../../../../controllers/processes/agent-times.ts';

/** A kill, and as much as two clocks may differ. */
const MARGIN_MS = 4_000;
/** The longest election that was measured, and what is lost before and after it: see where the times are. */
const ELECTION_MS = 8_000 + 2_000 + 2_000 + 500;

describe('the times of an agent', () => {
  for (const [servers, times] of Object.entries({ WITH_ONE_SERVER, WITH_SEVERAL_SERVERS })) {
    it(`let it kill its writers well before anybody may take its node for dead (${servers})`, () => {
      expect(times.fenceAfterMs + MARGIN_MS).to.be.at.most(Math.min(times.leaseDurationMs, NODE_RETURN_MS));
    });
  }

  it('let it live through an election of NATS', () => {
    expect(WITH_SEVERAL_SERVERS.fenceAfterMs).to.be.above(ELECTION_MS);
  });
});
