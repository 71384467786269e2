import { expect } from 'chai';
import { refuseNamesake } from '../../../runtime/leadership/namesake.ts';
import { all, forEachTest, ROLES, type Servers } from './servers.ts';

describe('leaderships, and the names of servers,', () => {
  let servers: Servers;
  forEachTest((fresh) => {
    servers = fresh;
  });
  const start = (name: string, options = {}) => servers.start(name, options);
  const advance = (ms: number) => servers.clock.advance(ms);

  it('of a server alone are its own from its start, and after a crash, without any wait', async () => {
    const a = await start('a', { isAlone: true });
    expect(a.leading).to.deep.equal(ROLES);
    await a.kill();
    await servers.lose('Lease');
    const b = await start('b', { isAlone: true });
    expect(b.leading).to.deep.equal(ROLES);
    expect(servers.leaders).to.deep.equal(all('b', 2));
  });

  it('of a server alone go on when its store takes no heartbeat', async () => {
    const a = await start('a', { isAlone: true });
    a.store.cut();
    await advance(60_000);
    expect(a.leading).to.deep.equal(ROLES);
  });

  it('are left to others by two servers that run by one name', async () => {
    await start('a');
    await start('a', { session: 'namesake' });
    await start('b');
    await advance(5_000);
    expect(servers.leaders.map((leader) => leader.replace(/\d+$/, ''))).to.deep.equal(
      ROLES.map((role) => `${role}@b`),
    );
    servers.moments.length = 0;
  });

  it('are refused to a server whose name another one runs by, at its start', async () => {
    const a = await start('a');
    const refused = (server: string) => {
      const outcome = refuseNamesake(servers.store, server, servers.clock).then(
        () => 'may start',
        (error: Error) => error.message,
      );
      return Promise.all([outcome, advance(1_500)]).then(([said]) => said);
    };
    expect(await refused('a')).to.equal(
      'another server runs by the name "a": give each its own --name and --data',
    );
    expect(await refused('b')).to.equal('may start');
    await a.kill();
    const restarted = refused('a');
    const last = servers.store.state.get('Lease', 'server-a');
    if (!last) throw new Error('it has left no lease');
    const late = { writes: [{ type: 'put', object: last } as const], result: undefined };
    await servers.store.commit({ user: 'a', groups: [] }, () => late);
    expect(await restarted).to.equal('may start');
  });

  it('leave no lease of a dead server behind', async () => {
    const [a] = await servers.cluster();
    await a.kill();
    await advance(15_000);
    expect(servers.store.state.list('Lease').map(({ metadata }) => metadata.name)).to.deep.equal([
      'server-b',
      'server-c',
    ]);
  });
});
