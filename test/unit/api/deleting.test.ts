import { expect } from 'chai';
import { refusal } from './failure.ts';
import { admin, controller, createWorld, event, ownedBy, service as serviceObject } from './world.ts';

describe('deleting', () => {
  it('takes away at once what has no finalizers', async () => {
    const { service } = createWorld();
    await service.create(controller, 'Event', event('e1'));
    expect((await service.delete(admin, 'Event', 'e1')).gone).to.equal(true);
    await refusal('NotFound', () => service.get(admin, 'Event', 'e1'));
    await refusal('NotFound', () => service.delete(admin, 'Event', 'e1'));
  });

  it('marks what has finalizers, once', async () => {
    const { service, store, clock } = createWorld();
    await service.create(admin, 'Service', serviceObject('web'));
    const first = await service.delete(admin, 'Service', 'web');
    expect(first.gone).to.equal(false);
    const { commits } = store;
    clock.advance(60_000);
    const second = await service.delete(admin, 'Service', 'web');
    expect(second.object.metadata.deletionTimestamp).to.equal(first.object.metadata.deletionTimestamp);
    expect(store.commits).to.equal(commits);
  });

  it('is finished by the last finalizer, in the same commit', async () => {
    const { service, store } = createWorld();
    const web = await service.create(
      admin,
      'Service',
      serviceObject('web', {}, { finalizers: ['me.dev/x'] }),
    );
    await service.delete(admin, 'Service', 'web');
    const keep = (finalizers: string[]) =>
      service.update(
        controller,
        'Service',
        'web',
        serviceObject('web', {}, { finalizers, uid: web.metadata.uid }),
      );
    expect((await keep(['mill.dev/service'])).metadata.finalizers).to.deep.equal(['mill.dev/service']);
    const { commits } = store;
    await keep([]);
    expect(store.commits).to.equal(commits + 1);
    await refusal('NotFound', () => service.get(admin, 'Service', 'web'));
  });

  it('lets no finalizer be added to what is being deleted', async () => {
    const { service } = createWorld();
    await service.create(admin, 'Service', serviceObject('web'));
    await service.delete(admin, 'Service', 'web');
    const { details } = await refusal('Invalid', () =>
      service.patch(
        admin,
        'Service',
        'web',
        { metadata: { finalizers: ['mill.dev/service', 'more'] } },
        { type: 'merge' },
      ),
    );
    expect(details.causes?.[0]?.field).to.equal('metadata.finalizers');
  });

  it('is refused where the object is not the one that was meant', async () => {
    const { service } = createWorld();
    const { metadata } = await service.create(controller, 'Event', event('e1'));
    await refusal('Conflict', () => service.delete(admin, 'Event', 'e1', { uid: 'other' }));
    await refusal('Conflict', () => service.delete(admin, 'Event', 'e1', { resourceVersion: '1' }));
    const { uid, resourceVersion } = metadata;
    await service.delete(admin, 'Event', 'e1', { uid, resourceVersion });
  });
});

describe('owners and dependents', () => {
  it('go together, all of them, in one commit', async () => {
    const { service, store } = createWorld();
    const owner = await service.create(controller, 'Event', event('owner'));
    const child = await service.create(controller, 'Event', event('child', ownedBy(owner)));
    await service.create(controller, 'Event', event('grandchild', ownedBy(child)));
    await service.create(controller, 'Event', event('stranger'));
    const waiting = await service.create(admin, 'Service', serviceObject('waits', {}, ownedBy(owner)));
    const { commits } = store;
    await service.delete(admin, 'Event', 'owner');
    expect(store.commits).to.equal(commits + 1);
    expect(store.state.list('Event').map((object) => object.metadata.name)).to.deep.equal(['stranger']);
    const marked = service.get(admin, 'Service', waiting.metadata.name);
    expect(marked.metadata).to.have.property('deletionTimestamp');
  });

  it('part where the dependents are to stay', async () => {
    const { service } = createWorld();
    const owner = await service.create(controller, 'Event', event('owner'));
    await service.create(controller, 'Event', event('child', ownedBy(owner)));
    await service.delete(admin, 'Event', 'owner', { orphan: true });
    const { metadata } = service.get(admin, 'Event', 'child');
    expect(metadata.ownerReferences).to.deep.equal([]);
  });

  it('stay together while another owner lives', async () => {
    const { service } = createWorld();
    const [a, b] = [
      await service.create(controller, 'Event', event('a')),
      await service.create(controller, 'Event', event('b')),
    ];
    const ownerReferences = [...ownedBy(a).ownerReferences, ...ownedBy(b).ownerReferences];
    await service.create(controller, 'Event', event('child', { ownerReferences }));
    await service.delete(admin, 'Event', 'a');
    expect(service.get(admin, 'Event', 'child').metadata.ownerReferences).to.deep.equal(
      ownedBy(b).ownerReferences,
    );
    await service.delete(admin, 'Event', 'b');
    await refusal('NotFound', () => service.get(admin, 'Event', 'child'));
  });

  it('are not made with an owner that is gone', async () => {
    const { service } = createWorld();
    const owner = await service.create(controller, 'Event', event('owner'));
    await service.delete(admin, 'Event', 'owner');
    await refusal('Invalid', () => service.create(controller, 'Event', event('late', ownedBy(owner))));
  });

  it('survive owning each other in a ring', async () => {
    const { service, store } = createWorld();
    const a = await service.create(controller, 'Event', event('a'));
    const b = await service.create(controller, 'Event', event('b', ownedBy(a)));
    await service.update(controller, 'Event', 'a', event('a', ownedBy(b)));
    await service.delete(admin, 'Event', 'a');
    expect(store.state.count('Event')).to.equal(0);
  });
});
