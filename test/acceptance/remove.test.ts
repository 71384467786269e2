import { expect } from 'chai';
import { endlessTask, web } from './fleet.ts';
import { kill, Mill } from './mill.ts';

describe('mill remove', function () {
  this.timeout(120_000);
  let mill: Mill;

  before(async () => {
    mill = await Mill.start();
    await mill.apply(web('web'), endlessTask('report'));
    await mill.untilHealthy('web');
  });
  after(() => mill.close());

  it('is refused while anything runs on the node, names it, and changes nothing', async () => {
    const before = await mill.get('Node', 'node-3');
    const allocs = (await mill.list('Alloc')).filter((alloc) => alloc.spec.node === 'node-3');
    const refused = await mill.run(['remove', 'node-3']);
    expect(refused.code).to.equal(1);
    expect(refused.stderr.split('\n')[0]).to.include('node still has active allocations');
    for (const alloc of allocs) expect(refused.stderr).to.include(alloc.metadata.name);
    expect((await mill.get('Node', 'node-3')).spec).to.deep.equal(before.spec);
  });

  it('takes a drained node out: the node, its peer and its allocs are gone, and all services are healthy', async () => {
    await mill.ok('drain', 'node-3');
    await mill.ok('remove', 'node-3');
    expect(await mill.ok('nodes')).to.not.include('node-3');
    expect((await mill.list('Peer')).map((peer) => peer.spec.node)).to.have.members(['node-1', 'node-2']);
    expect((await mill.list('Alloc')).filter((alloc) => alloc.spec.node === 'node-3')).to.deep.equal([]);
    expect(await mill.ok('status'))
      .to.match(/2 nodes/)
      .and.match(/web +3\/3/)
      .and.match(/all services healthy/);
  });

  it('says so when there is no such node', async () => {
    const missing = await mill.run(['remove', 'node-3']);
    expect(missing.code).to.equal(1);
    expect(missing.stderr).to.include('not found');
  });

  it('keeps a removed node out, after a restart as well', async () => {
    await mill.kill();
    await mill.up();
    await mill.untilHealthy('web');
    expect(await mill.ok('nodes')).to.not.include('node-3');
  });

  it('lets no agent of a removed node write or register again', async () => {
    const agent = await mill.agent('node-4');
    await mill.until('Node', 'node-4 ready', (nodes) =>
      nodes.some(({ metadata, status }) => metadata.name === 'node-4' && status.phase === 'ready'),
    );
    await mill.ok('remove', 'node-4', '--drain');
    if (agent.exitCode === null) await new Promise((resolve) => agent.once('exit', resolve));
    const back = mill.start([
      'agent',
      '--node',
      'node-4',
      '--server',
      mill.url,
      '--data',
      `${mill.home}/node-4`,
    ]);
    let stderr = '';
    back.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code] = await new Promise<[number | null]>((resolve) =>
      back.once('close', (...exit: [number | null]) => resolve(exit)),
    );
    await kill(back, 'SIGKILL');
    expect(code).to.equal(1);
    expect(stderr).to.include('removed');
    expect(await mill.ok('nodes')).to.not.include('node-4');
  });
});
