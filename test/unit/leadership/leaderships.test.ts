import { expect } from 'chai';
import { all, FOLLOWED_WITHIN_MS, forEachTest, ROLES, type Servers, SPREAD_MS } from './servers.ts';

describe('leaderships', () => {
  let servers: Servers;
  forEachTest((fresh) => {
    servers = fresh;
  });
  const start = (name: string, options = {}) => servers.start(name, options);
  const advance = (ms: number) => servers.clock.advance(ms);

  it('are all taken at once by a server that comes first', async () => {
    const a = await start('a');
    expect(servers.leaders).to.deep.equal(all('a', 1));
    expect(a.leading).to.deep.equal(ROLES);
  });

  it('stay with their server while it lives, whoever joins', async () => {
    await start('a');
    await start('b');
    await advance(5_000);
    expect(servers.leaders).to.deep.equal(all('a', 1));
  });

  it('spread evenly over servers that have lived for some time, and then stay', async () => {
    await servers.cluster();
    const { leaders } = servers;
    const { length } = servers.moments;
    await advance(2 * SPREAD_MS);
    expect(servers.leaders).to.deep.equal(leaders);
    expect(servers.moments).to.have.length(length);
  });

  it('are followed within 3 s of a kill, spread over those that are left', async () => {
    const [a] = await servers.cluster();
    const { leading } = a;
    await a.kill();
    await advance(FOLLOWED_WITHIN_MS);
    expect(servers.spread).to.deep.equal({ b: 3, c: 3 });
    for (const role of leading) expect(servers.leaders.join()).to.not.match(new RegExp(`${role}@a`));
  });

  it('are all followed within 3 s by the last server that is left', async () => {
    const [a, b, c] = await servers.cluster();
    await Promise.all([a.kill(), b.kill()]);
    await advance(FOLLOWED_WITHIN_MS);
    expect(c.leading).to.deep.equal(ROLES);
  });

  it('are taken by the second choice where the first does not get to it', async () => {
    const [a, b, c] = await servers.cluster();
    await a.kill();
    await advance(1_900);
    // It counts as alive for some time yet: what falls to it is not left lying.
    b.store.cut();
    await advance(3_000);
    expect(c.leading).to.include.members(a.leading);
  });

  it('are handed over at once by a server that is told to stop', async () => {
    const [a] = await servers.cluster();
    await a.close();
    await advance(50);
    expect(servers.spread).to.deep.equal({ b: 3, c: 3 });
    expect(servers.store.state.get('Lease', 'server-a')).to.equal(undefined);
  });

  it('are free when the last server stops, and taken at once by the next', async () => {
    const a = await start('a');
    await a.close();
    expect(servers.leaders).to.deep.equal(all('-', 1));
    await start('b');
    expect(servers.leaders).to.deep.equal(all('b', 2));
  });

  it('are taken up at once by a server that is started again', async () => {
    const a = await start('a');
    await start('b');
    await a.kill();
    await start('a', { session: 'second' });
    expect(servers.leaders).to.deep.equal(all('a', 2));
  });

  it('do not move to and fro when a server is restarted again and again', async () => {
    let [a] = await servers.cluster();
    const { leaders } = servers;
    for (let round = 0; round < 5; round++) {
      await a.kill();
      await advance(500);
      a = await start('a', { session: `again-${round}` });
      await advance(3_000);
    }
    const servedBy = (list: string[]) => list.map((leader) => leader.replace(/\d+$/, ''));
    expect(servedBy(servers.leaders)).to.deep.equal(servedBy(leaders));
  });
});
