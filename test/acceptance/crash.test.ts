import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isTerminal } from '../../api/kinds/alloc.ts';
import { counter, endlessTask, web } from './fleet.ts';
import { collect, freePort, kill, Mill } from './mill.ts';
import { activeOn } from './witness.ts';

/** Kill points in all; each drain is killed several times, at times drawn anew on every run. */
const KILLS = 50;
const KILLS_A_DRAIN = 5;
/** A drain of this fleet takes about so long: the kills are spread over it, restarts included. */
const SPREAD_MS = 1_200;

describe('a drain while mill is killed again and again', function () {
  this.timeout(600_000);

  it(`goes on by itself to the end after each of ${KILLS} kills, and leaves no duplicate, orphan or second writer`, async () => {
    const mill = await Mill.start();
    const moments: number[] = [];
    try {
      await mill.apply(web('web', { gatewayPort: await freePort() }));
      await mill.apply(...counter(await freePort(), 'node-3'));
      await mill.untilHealthy('web', 'counter');
      const nodes = ['node-3', 'node-2', 'node-1'];
      for (let kills = 0; kills < KILLS; kills += KILLS_A_DRAIN) {
        const node = nodes[(kills / KILLS_A_DRAIN) % nodes.length] ?? 'node-3';
        await mill.apply(endlessTask(`report-${kills}`));
        await mill.ok('drain', node, '--detach');
        for (let turn = 0; turn < KILLS_A_DRAIN; turn += 1) {
          const momentMs = Math.round(Math.random() * SPREAD_MS);
          moments.push(momentMs);
          await new Promise((resolve) => setTimeout(resolve, momentMs));
          await mill.kill();
          await mill.up();
        }
        const drain = mill.start(['drain', node]);
        const outcome = await collect(drain);
        expect(outcome, outcome.stdout + outcome.stderr).to.include({ code: 0 });
        await kill(drain, 'SIGKILL');
        await mill.untilHealthy('web', 'counter');
        await judge(mill, node);
        await mill.ok('undrain', node);
      }
      await mill.stop();
      expect(mill.workloads()).to.deep.equal([]);
    } catch (error) {
      throw new Error(`killed after ${moments.join(', ')} ms: ${String(error)}`, { cause: error });
    } finally {
      await mill.close();
    }
  });
});

/** What must hold of the world, not only of the objects, once the drain is over. */
async function judge(mill: Mill, node: string): Promise<void> {
  const allocs = await mill.list('Alloc');
  expect(activeOn(allocs, node)).to.deep.equal([]);
  const active = allocs.filter((alloc) => !isTerminal(alloc));
  const services = active.filter((alloc) => alloc.spec.owner.kind === 'Service');
  expect(services.map((alloc) => `${alloc.spec.owner.name}-${alloc.spec.slot}`).sort()).to.deep.equal([
    'counter-0',
    'web-0',
    'web-1',
    'web-2',
  ]);
  expect([...new Set(mill.workloads().map(({ alloc }) => alloc))].sort()).to.deep.equal(
    active.map((alloc) => alloc.metadata.name).sort(),
  );
  const volume = findCounts(join(mill.dataDir));
  expect(existsSync(join(volume, 'violations')), 'a second writer').to.equal(false);
  const lines = existsSync(join(volume, 'counts'))
    ? readFileSync(join(volume, 'counts'), 'utf8').trim().split('\n')
    : [];
  expect(lines.filter(Boolean)).to.deep.equal(lines.filter(Boolean).map((_, index) => `${index + 1}`));
}

/** The volume's data, wherever it is attached: there must be one. */
function findCounts(dir: string): string {
  const found = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('/writer'),
  );
  const real = found.filter((path) => !path.includes('allocs/'));
  expect(real).to.have.length(1);
  return join(dir, real[0] ?? '', '..');
}
