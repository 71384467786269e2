import { expect } from 'chai';
import { parseSelectors } from '../../../api/selectors.ts';
import { refusal } from './failure.ts';
import { admin, createWorld, node } from './world.ts';

async function named(name: string, labels: Record<string, string>) {
  const { service } = createWorld();
  return service.create(admin, 'Node', node(name, {}, { labels }));
}

describe('selectors', () => {
  const cases: readonly [selector: string, labels: Record<string, string>, matches: boolean][] = [
    ['', {}, true],
    ['app=web', { app: 'web' }, true],
    ['app==web', { app: 'db' }, false],
    ['app = web', { app: 'web' }, true],
    ['app!=web', { app: 'db' }, true],
    ['app!=web', {}, true],
    ['app', { app: '' }, true],
    ['app', {}, false],
    ['!app', {}, true],
    ['!app', { app: 'x' }, false],
    ['app in (web, db)', { app: 'db' }, true],
    ['app in (web,db)', {}, false],
    ['app notin (web,db)', {}, true],
    ['app notin (web,db)', { app: 'web' }, false],
    ['app in (web,db),zone!=b', { app: 'web', zone: 'a' }, true],
    ['app in (web,db),zone!=b', { app: 'web', zone: 'b' }, false],
    ['mill.dev/zone=a', { 'mill.dev/zone': 'a' }, true],
    ['constructor', {}, false],
  ];
  for (const [labelSelector, labels, matches] of cases) {
    it(`"${labelSelector}" ${matches ? 'takes' : 'leaves'} ${JSON.stringify(labels)}`, async () => {
      expect(parseSelectors('Node', { labelSelector }).matches(await named('n1', labels))).to.equal(matches);
    });
  }

  it('selects by name and by the fields of a kind', async () => {
    const object = await named('n1', {});
    const matches = (fieldSelector: string) => parseSelectors('Node', { fieldSelector }).matches(object);
    expect(matches('metadata.name=n1')).to.equal(true);
    expect(matches('metadata.name!=n1')).to.equal(false);
    expect(matches('status.phase=down,metadata.name==n1')).to.equal(true);
    expect(matches('status.phase=ready')).to.equal(false);
    expect(parseSelectors('Node', { fieldSelector: 'metadata.name=n1' }).name).to.equal('n1');
  });

  it('refuses what it cannot read, and says which fields there are', async () => {
    for (const labelSelector of ['a=b=c', 'a in (', 'a,,b', '=x', 'a in b', 'x'.repeat(9_000)]) {
      await refusal('BadRequest', () => parseSelectors('Node', { labelSelector }));
    }
    const { message } = await refusal('BadRequest', () =>
      parseSelectors('Node', { fieldSelector: 'spec.drain=true' }),
    );
    expect(message).to.include('metadata.name').and.to.include('status.phase');
    await refusal('BadRequest', () => parseSelectors('Node', { fieldSelector: 'metadata.name' }));
  });
});
