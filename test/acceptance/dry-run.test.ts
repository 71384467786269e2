import { expect } from 'chai';
import { counter, endlessTask, web } from './fleet.ts';
import { freePort, Mill } from './mill.ts';

describe('mill drain --dry-run', function () {
  this.timeout(120_000);
  let mill: Mill;

  before(async () => {
    mill = await Mill.start({ nodes: 2 });
    await mill.ok('cordon', 'node-1');
    await mill.apply(...counter(await freePort()), endlessTask('report'), web('web', { replicas: 1 }));
    await mill.apply(web('stuck', { replicas: 1, cpu: '3' }));
    await mill.untilHealthy('web', 'counter', 'stuck');
    await mill.ok('uncordon', 'node-1');
  });
  after(() => mill.close());

  it('says where each alloc would go, and changes nothing', async () => {
    const before = await Promise.all([mill.list('Node'), mill.list('Alloc'), mill.list('Migration')]);
    const plan = await mill.run(['drain', 'node-2', '--dry-run']);
    expect(plan, plan.stderr).to.include({ code: 0 });
    expect(plan.stdout)
      .to.match(/web.*node-1/)
      .and.match(/counter.*node-1/)
      .and.match(/stuck.*node-1/);
    expect(plan.stdout).to.include('report').and.to.include('counter-data');
    const after = await Promise.all([mill.list('Node'), mill.list('Alloc'), mill.list('Migration')]);
    const specs = (lists: typeof before) =>
      lists.map((list) => list.map((each) => [each.metadata.name, each.spec]));
    expect(specs(after)).to.deep.equal(specs(before));
  });

  it('says what cannot move, and why, and exits with 1', async () => {
    await mill.apply({
      apiVersion: 'mill.dev/v1alpha1',
      kind: 'Node',
      metadata: { name: 'node-1' },
      spec: { capacity: { cpu: 1 } },
    });
    const plan = await mill.run(['drain', 'node-2', '--dry-run']);
    expect(plan.code).to.equal(1);
    expect(plan.stdout + plan.stderr)
      .to.match(/stuck/)
      .and.match(/needs 3 CPU/);
    expect((await mill.get('Node', 'node-2')).spec.drain).to.equal(false);
  });
});
