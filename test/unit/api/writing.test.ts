import { expect } from 'chai';
import { ApiError } from '../../../api/errors.ts';
import type { Service } from '../../../api/kinds/service.ts';
import { refusal } from './failure.ts';
import { admin, controller, createWorld, node, service as serviceObject, type World } from './world.ts';

describe('creating', () => {
  it('sets uid, times, generation, finalizers, defaults and the initial status', async () => {
    const { service, clock } = createWorld();
    const written = { ...serviceObject('web'), status: { ready: 7, wanted: 7, conditions: [] } };
    const made = await service.create(admin, 'Service', written);
    expect(made.metadata).to.deep.include({ generation: 1, finalizers: ['mill.dev/service'] });
    expect(made.metadata.uid).to.match(/^[0-9a-f-]{36}$/);
    expect(made.metadata.creationTimestamp).to.equal(new Date(clock.now()).toISOString());
    expect(Number(made.metadata.resourceVersion)).to.be.greaterThan(0);
    expect(made.apiVersion).to.equal('mill.dev/v1alpha1');
    expect(made.spec.replicas).to.equal(1);
    expect(made.status).to.deep.equal({ ready: 0, wanted: 0, conditions: [] });
  });

  it('refuses a name that is taken, or still being deleted', async () => {
    const { service } = createWorld();
    await service.create(admin, 'Service', serviceObject('web'));
    await refusal('AlreadyExists', () => service.create(admin, 'Service', serviceObject('web')));
    await service.delete(admin, 'Service', 'web');
    const { message } = await refusal('AlreadyExists', () =>
      service.create(admin, 'Service', serviceObject('web')),
    );
    expect(message).to.include('still being deleted');
  });

  it('refuses a resourceVersion, and takes no uid from outside', async () => {
    const { service } = createWorld();
    await refusal('BadRequest', () =>
      service.create(admin, 'Node', node('n1', {}, { resourceVersion: '7' })),
    );
    const made = await service.create(admin, 'Node', node('n1', {}, { uid: 'mine', generation: 9 }));
    expect(made.metadata.uid).not.to.equal('mine');
    expect(made.metadata.generation).to.equal(1);
  });
});

describe('updating', () => {
  let world: World;
  let web: Service;
  beforeEach(async () => {
    world = createWorld();
    web = await world.service.create(admin, 'Service', serviceObject('web'));
  });
  const update = (object: unknown) => world.service.update(admin, 'Service', 'web', object);

  it('replaces the spec, keeps the status, and counts the generation up', async () => {
    await world.service.updateStatus(controller, 'Service', 'web', {
      ...web,
      status: { ready: 1, wanted: 1, conditions: [] },
      metadata: { name: 'web' },
    });
    const next = await update({ ...serviceObject('web', { replicas: 3 }), status: { ready: 99 } });
    expect(next.spec.replicas).to.equal(3);
    expect(next.status.ready).to.equal(1);
    expect(next.metadata).to.deep.include({ generation: 2, uid: web.metadata.uid });
  });

  it('counts no generation for labels', async () => {
    const next = await update(serviceObject('web', {}, { labels: { app: 'web' } }));
    expect(next.metadata.generation).to.equal(1);
    expect(next.metadata.labels).to.deep.equal({ app: 'web' });
  });

  it('commits nothing where nothing changes', async () => {
    const { commits } = world.store;
    expect(await update(web)).to.equal(web);
    expect(await update(serviceObject('web'))).to.equal(web);
    expect(world.store.commits).to.equal(commits);
  });

  it('is refused where the object changed meanwhile', async () => {
    await update(serviceObject('web', { replicas: 2 }));
    await refusal('Conflict', () => update(web));
    const stale = { ...web, status: { ...web.status, ready: 1 } };
    await refusal('Conflict', () => world.service.updateStatus(admin, 'Service', 'web', stale));
  });

  it('is refused for another object of that name', async () => {
    const { message } = await refusal('Conflict', () => update(serviceObject('web', {}, { uid: 'other' })));
    expect(message).to.include('another object');
    await refusal('Invalid', () => update(serviceObject('other')));
    await refusal('Invalid', () =>
      update(serviceObject('web', {}, { creationTimestamp: '2001-01-01T00:00:00Z' })),
    );
    await refusal('NotFound', () => world.service.update(admin, 'Service', 'db', serviceObject('db')));
  });

  it('keeps the finalizers of who leaves them out', async () => {
    expect((await update(serviceObject('web', { replicas: 2 }))).metadata.finalizers).to.deep.equal([
      'mill.dev/service',
    ]);
    expect((await update(serviceObject('web', {}, { finalizers: [] }))).metadata).not.to.have.property(
      'finalizers',
    );
  });

  it('checks the status, and writes nothing else with it', async () => {
    const bad = { ...web, status: { ready: 'all' } };
    const { details } = await refusal('Invalid', () =>
      world.service.updateStatus(admin, 'Service', 'web', bad),
    );
    expect(details.causes?.map((cause) => cause.field)).to.include('status.ready');
    const both = {
      ...serviceObject('web', { replicas: 9 }),
      status: { ready: 1, wanted: 1, conditions: [] },
    };
    const next = await world.service.updateStatus(admin, 'Service', 'web', both);
    expect(next.spec.replicas).to.equal(1);
    expect(next.status.ready).to.equal(1);
    expect(next.metadata.generation).to.equal(1);
  });
});

describe('patching', () => {
  let world: World;
  beforeEach(async () => {
    world = createWorld();
    const labels = { app: 'web', tier: 'front' };
    await world.service.create(admin, 'Service', serviceObject('web', {}, { labels }));
  });
  const merge = (patch: unknown) => world.service.patch(admin, 'Service', 'web', patch, { type: 'merge' });
  const json = (patch: unknown) => world.service.patch(admin, 'Service', 'web', patch, { type: 'json' });

  it('merges, and null takes away', async () => {
    const next = await merge({ metadata: { labels: { tier: null } }, spec: { replicas: 2 } });
    expect(next.metadata.labels).to.deep.equal({ app: 'web' });
    expect(next.spec.replicas).to.equal(2);
    expect(next.spec.template.command).to.deep.equal(['serve']);
  });

  it('applies the operations of a JSON patch', async () => {
    const next = await json([
      { op: 'test', path: '/spec/replicas', value: 1 },
      { op: 'replace', path: '/spec/replicas', value: 4 },
      { op: 'add', path: '/metadata/labels/mill.dev~1zone', value: 'a' },
    ]);
    expect(next.spec.replicas).to.equal(4);
    expect(next.metadata.labels).to.include({ 'mill.dev/zone': 'a' });
  });

  it('needs no revision, and keeps one that it is given', async () => {
    const { resourceVersion } = world.service.get(admin, 'Service', 'web').metadata;
    await Promise.all([merge({ spec: { replicas: 2 } }), merge({ metadata: { labels: { more: 'x' } } })]);
    const now = world.service.get(admin, 'Service', 'web');
    expect(now.spec.replicas).to.equal(2);
    expect(now.metadata.labels).to.include({ more: 'x' });
    await refusal('Conflict', () => merge({ metadata: { resourceVersion }, spec: { replicas: 3 } }));
  });

  it('commits nothing where nothing changes', async () => {
    const { commits } = world.store;
    await merge({ spec: { replicas: 1 } });
    expect(world.store.commits).to.equal(commits);
  });

  it('checks what comes out', async () => {
    const { message } = await refusal('Invalid', () => merge({ spec: { replicsa: 2 } }));
    expect(message).to.include('did you mean "replicas"?');
    await refusal('Invalid', () => merge({ metadata: { name: 'other' } }));
    await refusal('Invalid', () => merge([]));
    await refusal('Invalid', () => json({}));
    await refusal('Invalid', () => json([{ op: 'test', path: '/spec/replicas', value: 7 }]));
    await refusal('Invalid', () => json([{ op: 'remove', path: '/spec/nothing' }]));
    await refusal('Invalid', () => json([{ op: 'fly', path: '/spec' }]));
  });

  it('writes the status alone by the subresource, and never by the object', async () => {
    const status = { ready: 1 };
    const next = await world.service.patchStatus(
      controller,
      'Service',
      'web',
      { status, spec: { replicas: 9 } },
      { type: 'merge' },
    );
    expect(next.status.ready).to.equal(1);
    expect(next.spec.replicas).to.equal(1);
    expect((await merge({ status: { ready: 0 } })).status.ready).to.equal(1);
  });

  it('takes the last finalizer away', async () => {
    await world.service.delete(admin, 'Service', 'web');
    await merge({ metadata: { finalizers: null } });
    await refusal('NotFound', () => world.service.get(admin, 'Service', 'web'));
  });

  it('lets nothing reach into prototypes', async () => {
    await refusal('BadRequest', () => merge(JSON.parse('{"spec": {"__proto__": {"polluted": 1}}}')));
    for (const path of ['/__proto__/polluted', '/spec/__proto__/polluted']) {
      await refusal('BadRequest', () => json([{ op: 'add', path, value: 1 }]));
    }
    await refusal('Invalid', () => json([{ op: 'add', path: '/constructor/prototype/polluted', value: 1 }]));
    expect({}).not.to.have.property('polluted');
  });

  it('does not grow without bounds by copying', async () => {
    const start = { op: 'add', path: '/metadata/annotations', value: { text: 'x'.repeat(1_000) } };
    const doubling = Array.from({ length: 40 }, (_, index) => {
      return { op: 'copy', from: '/metadata/annotations', path: `/metadata/annotations/k${index}` };
    });
    await refusal('RequestEntityTooLarge', () => json([start, ...doubling]));
    await refusal('RequestEntityTooLarge', () => json(Array(1_001).fill({ op: 'remove', path: '/x' })));
  });
});

describe('scaling', () => {
  it('reads and writes the replicas of a service', async () => {
    const { service } = createWorld();
    await service.create(admin, 'Service', serviceObject('web'));
    const scale = service.getScale(admin, 'web');
    expect(scale).to.deep.include({ kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 1 } });
    const next = await service.updateScale(admin, 'web', { ...scale, spec: { replicas: 5 } });
    expect(next.spec.replicas).to.equal(5);
    expect(service.get(admin, 'Service', 'web').metadata.generation).to.equal(2);
    await refusal('Conflict', () => service.updateScale(admin, 'web', scale));
    expect(
      (await service.patchScale(admin, 'web', { spec: { replicas: 0 } }, { type: 'merge' })).spec.replicas,
    ).to.equal(0);
    for (const replicas of [-1, 1.5, '2', 10_001]) {
      await refusal('Invalid', () => service.updateScale(admin, 'web', { spec: { replicas } }));
    }
    await refusal('NotFound', () => service.getScale(admin, 'db'));
  });
});

describe('a dry run', () => {
  it('answers what would be, and writes nothing', async () => {
    const { service, store } = createWorld();
    const dryRun = true;
    const made = await service.create(admin, 'Service', serviceObject('web'), { dryRun });
    expect(made.metadata.resourceVersion).to.equal('');
    await refusal('NotFound', () => service.get(admin, 'Service', 'web'));
    await service.create(admin, 'Service', serviceObject('web'));
    const { commits } = store;
    const patched = await service.patch(
      admin,
      'Service',
      'web',
      { spec: { replicas: 9 } },
      { type: 'merge', dryRun },
    );
    expect(patched.spec.replicas).to.equal(9);
    await service.update(admin, 'Service', 'web', serviceObject('web', { replicas: 8 }), { dryRun });
    await service.updateScale(admin, 'web', { spec: { replicas: 7 } }, { dryRun });
    const deleted = await service.delete(admin, 'Service', 'web', { dryRun });
    expect(deleted.object.metadata).to.have.property('deletionTimestamp');
    await service.registerNode(admin, 'n1', {}, { dryRun });
    expect(store.commits).to.equal(commits);
    expect(service.get(admin, 'Service', 'web').spec.replicas).to.equal(1);
  });

  it('asks the rules', async () => {
    const { service, store } = createWorld((_before, writes) => {
      if (writes.some((write) => write.type === 'put' && write.object.metadata.name === 'forbidden')) {
        throw new ApiError('Invalid', 'a rule says no');
      }
    });
    await refusal('Invalid', () => service.create(admin, 'Node', node('forbidden'), { dryRun: true }));
    await service.create(admin, 'Node', node('allowed'), { dryRun: true });
    await refusal('Invalid', () => service.create(admin, 'Node', node('forbidden')));
    expect(store.commits).to.equal(0);
  });
});
