import { expect } from 'chai';
import { refusal } from './failure.ts';
import { admin, controller, createWorld, event, type World } from './world.ts';

async function worldOf(names: readonly string[]): Promise<World> {
  const world = createWorld();
  for (const name of names) {
    const labels = { odd: Number(name.slice(1)) % 2 === 1 ? 'yes' : 'no' };
    await world.service.create(controller, 'Event', event(name, { labels }));
  }
  return world;
}

const namesOf = (page: { items: readonly { metadata: { name: string } }[] }) =>
  page.items.map((item) => item.metadata.name);

describe('listing', () => {
  it('gives all objects of a kind, by name, with the revision to watch from', async () => {
    const { service, store } = await worldOf(['e3', 'e1', 'e2']);
    const page = service.list(admin, 'Event');
    expect(namesOf(page)).to.deep.equal(['e1', 'e2', 'e3']);
    expect(page.resourceVersion).to.equal(String(store.state.revision));
    expect(page).not.to.have.property('continue');
    expect(service.list(admin, 'Node').items).to.deep.equal([]);
  });

  it('gives what selectors take', async () => {
    const { service } = await worldOf(['e1', 'e2', 'e3']);
    expect(namesOf(service.list(admin, 'Event', { labelSelector: 'odd=yes' }))).to.deep.equal(['e1', 'e3']);
    expect(namesOf(service.list(admin, 'Event', { fieldSelector: 'metadata.name=e2' }))).to.deep.equal([
      'e2',
    ]);
    expect(service.list(admin, 'Event', { fieldSelector: 'metadata.name=e9' }).items).to.deep.equal([]);
  });

  it('gives pages that together are the list, whatever comes and goes between them', async () => {
    const { service } = await worldOf(['e1', 'e2', 'e3', 'e4', 'e5', 'e6']);
    const selection = { labelSelector: 'odd=no', limit: 1 };
    const first = service.list(admin, 'Event', selection);
    expect(namesOf(first)).to.deep.equal(['e2']);
    await service.delete(admin, 'Event', 'e2');
    const second = service.list(admin, 'Event', { ...selection, continue: first.continue });
    expect(namesOf(second)).to.deep.equal(['e4']);
    // The first page's revision: a watch from there brings the delete as well.
    expect(second.resourceVersion).to.equal(first.resourceVersion);
    const third = service.list(admin, 'Event', { ...selection, continue: second.continue });
    expect(namesOf(third)).to.deep.equal(['e6']);
    expect(third).not.to.have.property('continue');
  });

  it('refuses a token that is none', async () => {
    const { service } = await worldOf([]);
    for (const token of ['x', 'WzFd', Buffer.from('[1.5,"a"]').toString('base64url')]) {
      await refusal('BadRequest', () => service.list(admin, 'Event', { continue: token }));
    }
  });
});
