import { expect } from 'chai';
import { isTerminal } from '../../api/kinds/alloc.ts';
import { startTraffic } from '../../hack/demo/traffic.ts';
import { web } from './fleet.ts';
import { freePort, Mill } from './mill.ts';
import { witness } from './witness.ts';

describe('two nodes drained at once', function () {
  this.timeout(120_000);

  it('keep every service at its budget, and give each other nothing', async () => {
    const mill = await Mill.start({ nodes: 4 });
    try {
      const gatewayPort = await freePort();
      await mill.apply(web('web', { replicas: 4, gatewayPort }), web('api', { replicas: 4 }));
      await mill.untilHealthy('web', 'api');
      const seen = await witness(mill);
      const traffic = startTraffic({ url: `http://127.0.0.1:${gatewayPort}/`, keepAlive: true, pauseMs: 1 });
      const drained = await mill.run(['drain', 'node-3', 'node-4']);
      await traffic.stop();
      await seen.stop();
      expect(drained, drained.stdout + drained.stderr).to.include({ code: 0 });
      expect(traffic.failures).to.deep.equal([]);
      expect(seen.fewestRouted('web')).to.be.at.least(4);
      expect(seen.fewestRouted('api')).to.be.at.least(4);
      expect([...seen.placedOn('node-3'), ...seen.placedOn('node-4')]).to.deep.equal([]);
      const active = (await mill.list('Alloc')).filter((alloc) => !isTerminal(alloc));
      expect(new Set(active.map((alloc) => alloc.spec.node))).to.deep.equal(new Set(['node-1', 'node-2']));
    } finally {
      await mill.close();
    }
  });
});
