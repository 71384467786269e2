import { expect } from 'chai';
import { refuseNamesake } from '../../../runtime/leadership/namesake.ts';
import { ROLES, type Server, Servers } from './servers.ts';

/** From a kill to the moment at which everything runs elsewhere. */
const FOLLOWED_WITHIN_MS = 3_000;
/** Long enough for roles to spread over servers that live. */
const SPREAD_MS = 30_000;
const all = (server: string, term: number) => ROLES.map((role) => `${role}@${server}${term}`);

describe('leaderships', () => {
  let servers: Servers;
  const start = (name: string, options = {}) => servers.start(name, options);
  const advance = (ms: number) => servers.clock.advance(ms);
  /** Three servers, over which the roles have spread. */
  const cluster = async (): Promise<[Server, Server, Server]> => {
    const three: [Server, Server, Server] = [await start('a'), await start('b'), await start('c')];
    await advance(SPREAD_MS);
    expect(servers.spread).to.deep.equal({ a: 2, b: 2, c: 2 });
    return three;
  };

  beforeEach(() => {
    servers = new Servers();
  });
  afterEach(async () => {
    expect(overlaps(servers)).to.deep.equal([]);
    await servers.close();
  });

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
    await cluster();
    const { leaders } = servers;
    const { length } = servers.moments;
    await advance(2 * SPREAD_MS);
    expect(servers.leaders).to.deep.equal(leaders);
    expect(servers.moments).to.have.length(length);
  });

  it('are followed within 3 s of a kill, spread over those that are left', async () => {
    const [a] = await cluster();
    const { leading } = a;
    await a.kill();
    await advance(FOLLOWED_WITHIN_MS);
    expect(servers.spread).to.deep.equal({ b: 3, c: 3 });
    for (const role of leading) expect(servers.leaders.join()).to.not.match(new RegExp(`${role}@a`));
  });

  it('are all followed within 3 s by the last server that is left', async () => {
    const [a, b, c] = await cluster();
    await Promise.all([a.kill(), b.kill()]);
    await advance(FOLLOWED_WITHIN_MS);
    expect(c.leading).to.deep.equal(ROLES);
  });

  it('are taken by the second choice where the first does not get to it', async () => {
    const [a, b, c] = await cluster();
    await a.kill();
    await advance(1_900);
    // It counts as alive for some time yet: what falls to it is not left lying.
    b.store.cut();
    await advance(3_000);
    expect(c.leading).to.include.members(a.leading);
  });

  it('are stopped by a server that is cut off, before anybody takes them over', async () => {
    const [a] = await cluster();
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
    const [a] = await cluster();
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
    const [a] = await cluster();
    a.store.health = { unwritable: 'its copy of the log stands still' };
    await advance(FOLLOWED_WITHIN_MS + 1_000);
    expect(servers.spread).to.deep.equal({ a: 0, b: 3, c: 3 });
  });

  it('let a holder that was paused commit nothing when it wakes up', async () => {
    const [a] = await cluster();
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

  it('are handed over at once by a server that is told to stop', async () => {
    const [a] = await cluster();
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
    let [a] = await cluster();
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
    const three = await cluster();
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
    const [a] = await cluster();
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
    const [a, b] = await cluster();
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
      const [a, b] = await cluster();
      const { leaders } = servers;
      a.jump(hours * 3_600_000);
      b.jump(-hours * 3_600_000);
      await advance(5_000);
      expect(servers.leaders).to.deep.equal(leaders);
    });

    it(`are stopped in time by a server that is cut off as its clock jumps by ${hours} h`, async () => {
      const [a] = await cluster();
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
    const [a, b, c] = await cluster();
    const { leaders } = servers;
    for (const server of [a, b, c]) server.pause();
    await advance(60_000);
    for (const server of [a, b, c]) server.resume();
    await advance(3_000);
    expect(servers.leaders).to.deep.equal(leaders);
    expect(servers.spread).to.deep.equal({ a: 2, b: 2, c: 2 });
  });

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
    const [a] = await cluster();
    await a.kill();
    await advance(15_000);
    expect(servers.store.state.list('Lease').map(({ metadata }) => metadata.name)).to.deep.equal([
      'server-b',
      'server-c',
    ]);
  });
});

const termOf = (servers: Servers, role: string): number =>
  servers.store.state.get('Leadership', role)?.spec.term ?? 0;

/** Roles that began on one server while they ran on another that was not dead. */
function overlaps(servers: Servers): string[] {
  const running = new Map<string, string>();
  return servers.moments.flatMap(({ role, server, what }) => {
    const by = running.get(role);
    if (what === 'ends') {
      if (by === server) running.delete(role);
      return [];
    }
    running.set(role, server);
    return by === undefined || by === server || !servers.isAlive(by)
      ? []
      : [`${role}: ${server} while ${by}`];
  });
}
