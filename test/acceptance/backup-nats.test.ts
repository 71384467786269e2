import { readFileSync } from 'node:fs';
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
    const services = async () =>
      (await mill.list('Service')).map(({ metadata: { name, uid }, spec }) => ({ name, uid, spec }));
    const serves = async (node: string) => {
      await mill.untilHealthy('web', 'counter');
      const drained = await mill.run(['drain', node]);
      expect(drained, drained.stdout + drained.stderr).to.include({ code: 0 });
      await mill.ok('undrain', node);
    };
    await mill.apply(web('web'), ...counter(await freePort()));
    await mill.untilHealthy('web', 'counter');
    const before = await services();
    await mill.ok('backup', file('there.jsonl'));
    await mill.stop();

    await mill.ok('restore', file('there.jsonl'), ...bucket);
    const again = await mill.run(['restore', file('there.jsonl'), ...bucket]);
    expect(again.code).to.equal(1);
    expect(again.stderr).to.match(/^mill: there is something in the bucket fleet: /);
    await mill.up(...bucket);
    expect(await services()).to.deep.equal(before);
    await serves('node-1');
    expect(await mill.ok('verify', ...bucket), 'while a server writes').to.match(/\nno problems\n$/);

    await mill.ok('backup', file('back.jsonl'));
    const [header = ''] = readFileSync(file('back.jsonl'), 'utf8').split('\n');
    expect(JSON.parse(header).cluster).to.match(/^[0-9a-f-]{36}$/);
    await mill.stop();
    await mill.ok('backup', file('stopped.jsonl.gz'), ...bucket);
    const from = mill.dataDir;
    mill.dataDir = file('elsewhere');
    await mill.ok('restore', file('stopped.jsonl.gz'), '--data', mill.dataDir);
    mill.takeVolumes(from);
    await mill.up();
    expect(await services()).to.deep.equal(before);
    await serves('node-2');
  });
});
