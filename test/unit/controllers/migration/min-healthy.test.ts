/** How long a replacement has to be healthy: by whose clock, and what begins that anew. */
import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import { migrationController } from '../../../../controllers/migration/controller.ts';
import { type Agents, playAgents } from '../../../vocabulary/agents.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { healthyAlloc, migration, node, service } from '../../../vocabulary/objects.ts';
import { createWorld, type World } from '../../../vocabulary/world.ts';

const NAME = 'web-0-old';
const HOUR_MS = 3_600_000;

describe('minHealthy', () => {
  let world: World;
  let agents: Agents;
  afterEach(() => world.close());

  const begin = async (minHealthy: string) => {
    const web = service('web', { migration: { minHealthy } });
    const leaving = node('node-1', { drain: true }, { phase: 'draining' });
    const move = migration(NAME, { service: 'web', node: 'node-1' });
    const original = healthyAlloc(NAME, web, { node: 'node-1' });
    world = await createWorld({ objects: [leaving, node('node-2'), web, original, move] });
    agents = await playAgents(world);
    agents.fate = () => 'waiting';
    return world.run(migrationController);
  };
  const moved = () => world.get('Migration', NAME).status;
  /** @param atMs by the clock of its node */
  const getHealthy = (atMs: number) =>
    agents.report(moved().replacement ?? '', {
      phase: 'healthy',
      healthyAt: timestamp(atMs),
      route: 'routed',
    });

  const isDoneIn = async (ms: number) => {
    await world.advance(ms - 1);
    expect(moved().phase).to.equal('awaitingHealthy');
    await world.advance(1);
    expect(moved().phase).to.equal('done');
  };

  for (const [clock, offsetMs] of [
    ['right', 0],
    ['an hour ahead', HOUR_MS],
    ['an hour behind', -HOUR_MS],
  ] as const) {
    it(`is waited for, no shorter and no longer, where the clock of the node is ${clock}`, async () => {
      await begin('10s');
      await getHealthy(START_MS + offsetMs);
      await isDoneIn(10_000);
    });
  }

  it('of nothing is not waited for, whatever the clock of the node says', async () => {
    await begin('0s');
    await getHealthy(START_MS + HOUR_MS);
    expect(moved()).to.include({ phase: 'done' }).and.not.have.property('healthy');
  });

  it('counts on when another controller takes over', async () => {
    const first = await begin('10s');
    await getHealthy(START_MS);
    await world.advance(6_000);
    await first.stop();
    await world.run(migrationController);
    await isDoneIn(4_000);
  });

  it('begins anew where the replacement was not healthy in between, also where nobody saw that', async () => {
    await begin('10s');
    await getHealthy(START_MS);
    await world.advance(6_000);
    await getHealthy(START_MS + 5_000);
    await isDoneIn(10_000);
  });
});
