import { expect } from 'chai';
import { startTraffic } from '../../hack/demo/traffic.ts';
import { web } from './fleet.ts';
import { freePort, Mill } from './mill.ts';
import { witness } from './witness.ts';

const EXITS = ['sh', '-c', 'exit 3'];
const NEVER_HEALTHY = ['node', '-e', 'setInterval(() => {}, 1000)'];

describe('a drain whose replacement does not get healthy', function () {
  this.timeout(180_000);

  for (const [what, broken] of [
    ['exits', { command: EXITS }],
    ['never listens', { command: NEVER_HEALTHY, migration: { healthyDeadline: '2s' } }],
    ['has no place anywhere', { cpu: '100' }],
  ] as const) {
    it(`keeps the original serving when the replacement ${what}, and finishes once that is mended`, async () => {
      const mill = await Mill.start({ nodes: 2 });
      try {
        const gatewayPort = await freePort();
        const good = { replicas: 1, gatewayPort };
        await mill.ok('cordon', 'node-1');
        await mill.apply(web('fragile', good), web('sturdy', { replicas: 1 }));
        await mill.untilHealthy('fragile', 'sturdy');
        // The new version comes with the migration: a drain under way keeps a service from being updated in place.
        await mill.apply(web('fragile', { ...good, migration: { healthyDeadline: '2s' } }));
        await mill.untilHealthy('fragile');
        await mill.ok('uncordon', 'node-1');
        const traffic = startTraffic({
          url: `http://127.0.0.1:${gatewayPort}/`,
          keepAlive: false,
          pauseMs: 5,
        });
        const seen = await witness(mill);
        const [original] = (await mill.list('Alloc')).filter((alloc) => alloc.spec.owner.name === 'fragile');
        await mill.apply(web('fragile', { ...good, ...broken }));

        const failed = await mill.run(['drain', 'node-2']);
        expect(failed.code, failed.stdout + failed.stderr).to.equal(1);
        expect(failed.stderr).to.include('fragile');
        expect(failed.stderr.split('\n')[0]).to.match(/^mill: /);
        const allocs = await mill.list('Alloc');
        const kept = allocs.find((alloc) => alloc.metadata.name === original?.metadata.name);
        expect(kept?.status).to.include({ phase: 'healthy', route: 'routed' });
        const sturdy = allocs.filter(
          (alloc) => alloc.spec.owner.name === 'sturdy' && alloc.status.phase === 'healthy',
        );
        expect(sturdy.map((alloc) => alloc.spec.node)).to.deep.equal(['node-1']);

        await mill.apply(web('fragile', good));
        const mended = await mill.run(['drain', 'node-2']);
        expect(mended, mended.stdout + mended.stderr).to.include({ code: 0 });
        await traffic.stop();
        await seen.stop();
        expect(traffic.failures).to.deep.equal([]);
        expect(seen.fewestRouted('fragile')).to.be.at.least(1);
      } finally {
        await mill.close();
      }
    });
  }
});
