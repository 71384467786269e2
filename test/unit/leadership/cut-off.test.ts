import { expect } from 'chai';
import { FOLLOWED_WITHIN_MS, forEachTest, ROLES, type Server, type Servers, SPREAD_MS } from './servers.ts';

describe('leaderships of servers that are cut off, or stand still,', () => {
  let servers: Servers;
  forEachTest((fresh) => {
    servers = fresh;
  });
  const start = (name: string, options = {}) => servers.start(name, options);
  const advance = (ms: number) => servers.clock.advance(ms);

  it('are stopped by a server that is cut off, before anybody takes them over', async () => {
    const [a] = await servers.cluster();
    const { leading } = a;
    a.store.cut();
    const cutMs = servers.clock.now();
    await advance(FOLLOWED_WITHIN_MS);
    expect(a.leading).to.deep.equal([]);
    for (const role of leading) {
      const ended = servers.moments.findLast((m) => m.role === role && m.what === 'ends');
      const began = servers.moments.findLast((m) => m.role === role && m.what === 'begins');
      expect(ended?.server).to.equal('a');
      expect(began?.server).to.not.equal('a');
      expect((began?.atMs ?? 0) - (ended?.atMs ?? 0)).to.be.at.least(700);
      expect((ended?.atMs ?? 0) - cutMs).to.be.at.most(1_300);
    }
  });

  it('go on where they were when a server reaches the store again in time', async () => {
    const [a] = await servers.cluster();
    const { leaders } = servers;
    a.store.cut();
    await advance(1_400);
    expect(a.leading).to.deep.equal([]);
    a.store.mend();
    await advance(1_000);
    expect(servers.leaders).to.deep.equal(leaders);
    expect(a.leading).to.have.length(2);
  });

  it('go to others when a server can renew its lease and commit nothing else', async () => {
    const [a] = await servers.cluster();
    a.store.health = { unwritable: 'its copy of the log stands still' };
    await advance(FOLLOWED_WITHIN_MS + 1_000);
    expect(servers.spread).to.deep.equal({ a: 0, b: 3, c: 3 });
  });

  it('let a holder that was paused commit nothing when it wakes up', async () => {
    const [a] = await servers.cluster();
    const [role = ''] = a.leading;
    const term = termOf(servers, role);
    await a.write(role, term, 'before');
    a.pause();
    await advance(10_000);
    a.resume();
    // Its commit is on its way before it has noticed anything.
    const late = a.write(role, term, 'late');
    await late.then(
      () => expect.fail('it was committed'),
      (error: Error) =>
        expect(error.message).to.match(new RegExp(`leadership "${role}": term ${term} is over, server`)),
    );
    await advance(1_000);
    expect(a.leading).to.not.include(role);
    expect(servers.store.state.get('Event', 'before')).to.not.equal(undefined);
    expect(servers.store.state.get('Event', 'late')).to.equal(undefined);
    servers.moments.length = 0;
  });

  it("are nobody else's when all leases vanish at once", async () => {
    const lost: string[] = [];
    await start('a', { onLeasesLost: () => lost.push('a') });
    await start('b');
    await advance(SPREAD_MS);
    const { leaders } = servers;
    await servers.lose('Lease');
    await advance(5_000);
    expect(servers.leaders).to.deep.equal(leaders);
    expect(lost).to.deep.equal(['a']);
  });

  it("are nobody else's while no server gets a heartbeat through", async () => {
    const three = await servers.cluster();
    const { leaders } = servers;
    await servers.lose('Lease');
    for (const server of three) server.store.cut();
    await advance(8_000);
    expect(servers.spread).to.deep.equal({ a: 0, b: 0, c: 0 });
    for (const server of three) server.store.mend();
    await advance(2_000);
    expect(servers.leaders).to.deep.equal(leaders);
    expect(servers.spread).to.deep.equal({ a: 2, b: 2, c: 2 });
  });

  it('begin again only where nobody else has taken them over meanwhile, however late that is heard', async () => {
    const [a] = await servers.cluster();
    a.store.cut();
    await advance(4_000);
    expect(servers.leaders.join()).to.not.include('@a');
    a.store.fallBehind();
    a.store.mend();
    const { length } = servers.moments;
    await advance(300);
    expect(a.leading, 'its heartbeats get through, and it knows of no other leader').to.deep.equal([]);
    a.store.catchUp();
    await advance(5_000);
    const begun = servers.moments.slice(length).filter(({ server }) => server === 'a');
    expect(begun.filter(({ term }) => term === 1)).to.deep.equal([]);
    expect(a.leading, 'what it was given since').to.not.deep.equal([]);
  });

  it('begin again only after it was said that nobody could be heard for a while', async () => {
    const leadingAtReturn: number[] = [];
    const a: Server = await start('a', { onHeardAgain: () => leadingAtReturn.push(a.leading.length) });
    await advance(SPREAD_MS);
    for (const cutForMs of [500, 5_000]) {
      a.store.cut();
      await advance(cutForMs);
      a.store.mend();
      await advance(1_000);
    }
    expect(leadingAtReturn, 'once, before anything runs again').to.deep.equal([0]);
    expect(a.leading).to.deep.equal(ROLES);
  });

  it('of a server that died with the leases are followed, after time to come back', async () => {
    const [a, b] = await servers.cluster();
    await servers.lose('Lease');
    await a.kill();
    await advance(9_000);
    expect(servers.leaders.join()).to.include('@a');
    await advance(FOLLOWED_WITHIN_MS);
    expect(servers.leaders.join()).to.not.include('@a');
    expect(b.leading).to.have.length(3);
  });

  for (const hours of [-1, 1]) {
    it(`do not move when the clock of a server that follows jumps by ${hours} h`, async () => {
      const [a, b] = await servers.cluster();
      const { leaders } = servers;
      a.jump(hours * 3_600_000);
      b.jump(-hours * 3_600_000);
      await advance(5_000);
      expect(servers.leaders).to.deep.equal(leaders);
    });

    it(`are stopped in time by a server that is cut off as its clock jumps by ${hours} h`, async () => {
      const [a] = await servers.cluster();
      a.store.cut();
      await advance(100);
      a.jump(hours * 3_600_000);
      await advance(1_300);
      expect(a.leading).to.deep.equal([]);
      await advance(FOLLOWED_WITHIN_MS);
      expect(servers.spread).to.deep.equal({ a: 0, b: 3, c: 3 });
    });
  }

  it('are not taken by a server that stood still and did not hear the others', async () => {
    const [a, b, c] = await servers.cluster();
    const { leaders } = servers;
    for (const server of [a, b, c]) server.pause();
    await advance(60_000);
    for (const server of [a, b, c]) server.resume();
    await advance(3_000);
    expect(servers.leaders).to.deep.equal(leaders);
    expect(servers.spread).to.deep.equal({ a: 2, b: 2, c: 2 });
  });
});

const termOf = (servers: Servers, role: string): number =>
  servers.store.state.get('Leadership', role)?.spec.term ?? 0;
