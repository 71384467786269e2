import { expect } from 'chai';
import { Mill } from './mill.ts';

describe('a mill that is alone with its store', function () {
  this.timeout(120_000);
  let mill: Mill;

  before(async () => {
    mill = await Mill.start({ nodes: 1 });
  });
  after(() => mill?.close());

  const leaders = async () => {
    const leaderships = await mill.list('Leadership');
    return leaderships.map(({ metadata, spec }) => `${metadata.name} ${spec.term} ${spec.server}`);
  };

  it('leads everything when it is ready, and again when it was killed, by new terms', async () => {
    const first = await leaders();
    expect(first).to.have.length(10);
    const [server = ''] = new Set(first.map((leader) => leader.split(' ')[2]));
    expect(first.every((leader) => leader.endsWith(` 1 ${server}`))).to.equal(true);
    await mill.kill();
    await mill.up();
    expect(await leaders()).to.deep.equal(first.map((leader) => leader.replace(' 1 ', ' 2 ')));
  });

  it('shows who leads, and lets nobody change it', async () => {
    expect(await mill.ok('get', 'leadership', 'drain')).to.match(
      /^NAME +SERVER +TERM +SINCE +AGE\ndrain +\S+ +2 /,
    );
    const refused = await mill.run(['delete', 'leadership', 'drain']);
    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.equal(
      'mill: Leadership "drain" is written by mill itself: the servers agree on it among themselves; to move it, stop its server\n',
    );
  });
});
