import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import type { Alloc } from '../../../../api/kinds/alloc.ts';
import { createEndpointsController } from '../../../../controllers/endpoints/controller.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { byTheirWord } from '../../../vocabulary/lease-times.ts';
import { changed, gatewayLease, healthyAlloc, service } from '../../../vocabulary/objects.ts';
import { createWorld, type World, type WorldOptions } from '../../../vocabulary/world.ts';

const LEASE_MS = 15_000;

describe('the endpoints controller', () => {
  let world: World;
  const web = service('web', {
    ports: [{ name: 'http', gatewayPort: 8080, protocol: 'http' }, { name: 'admin' }],
    template: { stopGrace: '7s' },
  });
  const ports = [
    { name: 'http', port: 21_001 },
    { name: 'admin', port: 21_002 },
  ];
  const healthy = (name: string, slot = 0, status: Partial<Alloc['status']> = {}) => {
    const { route: _, ...rest } = healthyAlloc(name, web, { slot }).status;
    return changed(healthyAlloc(name, web, { slot }), {
      status: { ...rest, route: undefined, address: '127.0.0.1', ports, ...status } as Partial<
        Alloc['status']
      >,
    });
  };
  const start = async (options: WorldOptions, settings = {}) => {
    world = await createWorld(options);
    await world.run(createEndpointsController({ leases: byTheirWord, ...settings }));
  };
  const written = () => world.get('Endpoints', 'web');
  const revision = () => Number(written().metadata.resourceVersion);
  const route = (name: string) => world.get('Alloc', name).status.route;
  const gateway = (name: string, appliedRevision: number, draining: string[] = []) =>
    world.put(gatewayLease(name, { appliedRevision, draining, renewTime: timestamp(world.clock.now()) }));
  const change = (name: string, parts: Parameters<typeof changed<Alloc>>[1]) =>
    world.put(changed(world.get('Alloc', name), parts));
  const stop = (name: string) => change(name, { spec: { desired: 'stopped' } });

  afterEach(async () => {
    expect(world.failures).to.deep.equal([]);
    await world.close();
  });

  it('writes the allocs that are wanted and healthy, by port of the gateway', async () => {
    await start({ objects: [web, healthy('web-0'), healthy('web-1', 1, { phase: 'running' })] });
    expect(written().spec).to.deep.equal({
      service: 'web',
      drainTimeoutMs: 7_000,
      ports: [
        {
          name: 'http',
          gatewayPort: 8080,
          protocol: 'http',
          backends: [{ alloc: 'web-0', host: '127.0.0.1', port: 21_001 }],
        },
      ],
      allocs: ['web-0'],
    });
    expect(written().metadata.ownerReferences?.[0]).to.include({ kind: 'Service', uid: web.metadata.uid });
  });

  it('acknowledges at once where there is no gateway', async () => {
    await start({ objects: [web, healthy('web-0')] });
    expect(route('web-0')).to.equal('routed');
    await stop('web-0');
    expect(route('web-0')).to.equal('unrouted');
    expect(written().spec.allocs).to.deep.equal([]);
  });

  it('waits for every live gateway', async () => {
    await start({ objects: [web, gatewayLease('a'), gatewayLease('b'), healthy('web-0')] });
    expect(route('web-0')).to.equal(undefined);
    await gateway('a', revision());
    expect(route('web-0')).to.equal(undefined);
    await gateway('b', revision() - 1);
    expect(route('web-0')).to.equal(undefined);
    await gateway('b', revision());
    expect(route('web-0')).to.equal('routed');
  });

  it('waits, when an alloc leaves, until its requests have ended, too', async () => {
    await start({ objects: [web, healthy('web-0')] });
    await gateway('a', revision());
    await stop('web-0');
    await gateway('a', revision(), ['web-0']);
    expect(route('web-0')).to.equal('routed');
    await gateway('a', revision(), ['web-1']);
    expect(route('web-0')).to.equal('unrouted');
  });

  it('waits for a gateway that is silent no longer than its lease runs', async () => {
    await start({ objects: [web, gatewayLease('a'), healthy('web-0')] });
    await world.advance(LEASE_MS - 1);
    expect(route('web-0')).to.equal(undefined);
    await world.advance(1);
    expect(route('web-0')).to.equal('routed');
  });

  it('acknowledges only what the gateways have applied, not what was wanted before', async () => {
    await start({ objects: [web, healthy('web-0')] });
    await gateway('a', revision());
    const old = revision();
    await world.put(healthy('web-1', 1));
    expect(revision()).to.be.greaterThan(old);
    expect(route('web-1')).to.equal(undefined);
    await gateway('a', revision());
    expect(route('web-1')).to.equal('routed');
  });

  it('has no acknowledgement left over when an alloc is routed again', async () => {
    await start({ objects: [web, healthy('web-0')] });
    await gateway('a', revision());
    await change('web-0', { spec: { desired: 'suspended' } });
    await gateway('a', revision());
    expect(route('web-0')).to.equal('unrouted');
    await change('web-0', { status: { phase: 'suspended' } });
    await change('web-0', { spec: { desired: 'running' } });
    expect(route('web-0')).to.equal('unrouted');
    await change('web-0', { status: { phase: 'healthy' } });
    expect(written().spec.allocs).to.deep.equal(['web-0']);
    // Were it stopped now, its agent would have to wait.
    expect(route('web-0')).to.equal(undefined);
    await stop('web-0');
    expect(route('web-0')).to.equal(undefined);
    await gateway('a', revision());
    expect(route('web-0')).to.equal('unrouted');
  });

  it('takes an unhealthy alloc out, and its acknowledgement with it', async () => {
    await start({ objects: [web, healthy('web-0')] });
    await change('web-0', { status: { phase: 'running', reason: 'Unhealthy' } });
    expect(written().spec.allocs).to.deep.equal([]);
    expect(route('web-0')).to.equal(undefined);
    await gateway('a', revision());
    await change('web-0', { status: { phase: 'healthy' } });
    expect(route('web-0')).to.equal(undefined);
    await gateway('a', revision());
    expect(route('web-0')).to.equal('routed');
  });

  it('acknowledges that an alloc is unrouted that never was routed', async () => {
    await start({ objects: [web, healthy('web-0', 0, { phase: 'running' })] });
    await stop('web-0');
    expect(route('web-0')).to.equal('unrouted');
  });

  it('waits after a restart until gateways had the time to say that they are there', async () => {
    const acknowledgeFromMs = START_MS + 5_000;
    await start({ objects: [web, healthy('web-0')] }, { acknowledgeFromMs: () => acknowledgeFromMs });
    await world.advance(4_999);
    expect(route('web-0')).to.equal(undefined);
    await world.advance(1);
    expect(route('web-0')).to.equal('routed');
  });

  it('writes the Endpoints again when they are gone, and nothing when nothing changed', async () => {
    await start({ objects: [web, healthy('web-0')] });
    const before = world.writes.length;
    await gateway('a', revision());
    await change('web-0', { status: { message: 'all is well' } });
    expect(world.writes.length).to.equal(before);
    await world.remove('Endpoints', 'web');
    expect(written().spec.allocs).to.deep.equal(['web-0']);
  });

  it('frees the allocs of a service that is gone', async () => {
    await start({ objects: [web, healthy('web-0')] });
    const leaving = changed(world.get('Alloc', 'web-0'), { spec: { desired: 'stopped' } });
    await gateway('a', 0);
    await world.remove('Service', 'web');
    await world.put(leaving);
    expect(route('web-0')).to.equal('unrouted');
  });
});
