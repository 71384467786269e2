import { expect } from 'chai';
import { counter, endlessTask, node, web } from './fleet.ts';
import { freePort, kill, Mill } from './mill.ts';

describe('a drain of a node that is down', function () {
  this.timeout(180_000);

  it('fails its allocs, replaces its services elsewhere, detaches its volumes and completes', async () => {
    const mill = await Mill.start({ nodes: 2 });
    try {
      const agent = await mill.agent('node-3');
      await mill.until('Node', 'node-3 ready', (nodes) =>
        nodes.some(({ metadata, status }) => metadata.name === 'node-3' && status.phase === 'ready'),
      );
      await mill.ok('cordon', 'node-1', 'node-2');
      await mill.apply(...counter(await freePort()), endlessTask('report'), web('web'));
      await mill.untilHealthy('web', 'counter');
      await mill.ok('uncordon', 'node-1', 'node-2');

      await kill(agent, 'SIGKILL');
      await mill.until('Node', 'node-3 down', (nodes) =>
        nodes.some(({ metadata, status }) => metadata.name === 'node-3' && status.phase === 'down'),
      );
      const drained = await mill.run(['drain', 'node-3']);
      expect(drained, drained.stdout + drained.stderr).to.include({ code: 0 });
      await mill.untilHealthy('web', 'counter');
      const volume = await mill.get('Volume', 'counter-data');
      expect(volume.status.phase).to.equal('attached');
      expect(volume.status.node).to.be.oneOf(['node-1', 'node-2']);
      expect((await mill.get('Task', 'report')).status.phase).to.equal('failed');
      await mill.apply(node('node-3', { drain: true, removed: true }));
      await mill.until('Node', 'node-3 gone', (nodes) => nodes.length === 2);
    } finally {
      await mill.close();
    }
  });
});
