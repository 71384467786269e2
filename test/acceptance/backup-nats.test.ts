import { join } from 'node:path';
import { expect } from 'chai';
import { type Nats, startNats } from '../../hack/nats/servers.ts';
import { natsDir, needsNats } from '../vocabulary/nats.ts';
import { counter, web } from './fleet.ts';
import { freePort, Mill } from './mill.ts';

describe('the way from the embedded store to NATS and back', function () {
  this.timeout(180_000);
  let nats: Nats;
  let mill: Mill;

  before(async function () {
    await needsNats(this, 'current');
    nats = await startNats({ servers: 3, dir: await natsDir() });
    mill = await Mill.start();
  });
  after(async () => {
    await mill?.close();
    await nats?.close();
  });

  it('is a backup and a restore each, after which the same workloads run and nodes drain', async () => {
    const file = (name: string) => join(mill.home, name);
    const bucket = ['--nats', nats.urls.join(','), '--bucket', 'fleet'];
    await mill.apply(web('web'), ...counter(await freePort()));
    await mill.untilHealthy('web', 'counter');
    const before = await mill.list('Service');
    await mill.ok('backup', file('there.jsonl'));
    await mill.stop();

    await mill.ok('restore', file('there.jsonl'), ...bucket);
    expect(await mill.ok('verify', ...bucket)).to.match(/\nno problems\n$/);
    const again = await mill.run(['restore', file('there.jsonl'), ...bucket]);
    expect(again.code).to.equal(1);
    expect(again.stderr).to.match(/^mill: there is something in the bucket fleet: /);

    await mill.ok('backup', file('back.jsonl.gz'), ...bucket);
    mill.dataDir = file('elsewhere');
    await mill.ok('restore', file('back.jsonl.gz'), '--data', mill.dataDir);
    mill.takeVolumes(file('data'));
    await mill.up();
    const uids = (services: typeof before) => services.map(({ metadata: { name, uid } }) => `${name} ${uid}`);
    expect(uids(await mill.list('Service'))).to.deep.equal(uids(before));
    await mill.untilHealthy('web', 'counter');
    const drained = await mill.run(['drain', 'node-1']);
    expect(drained, drained.stdout + drained.stderr).to.include({ code: 0 });
  });
});
