/** What servers may do as servers, and what their leases mean for the nodes that they run on. */
import { expect } from 'chai';
import type { LeaseSpec } from '../../../api/kinds/lease.ts';
import { admission } from '../../../api/rules/index.ts';
import type { Actor } from '../../../api/store.ts';
import { serverActor } from '../../../runtime/leadership/changes.ts';
import { refusal } from './failure.ts';
import { admin, controller, createWorld, node, type World } from './world.ts';

describe('a server', () => {
  let world: World;
  const server = serverActor('a');
  const lease = (name: string, spec: Partial<LeaseSpec> = {}) => ({
    kind: 'Lease' as const,
    metadata: { name },
    spec: {
      holder: 'server' as const,
      renewTime: '2024-05-01T00:00:00.000Z',
      durationMs: 2_000,
      appliedRevision: 0,
      session: 's',
      ...spec,
    },
  });
  const leadership = (term: number, holder?: string) => ({
    kind: 'Leadership' as const,
    metadata: { name: 'drain' },
    spec: { ...(holder ? { server: holder } : {}), term, since: '2024-05-01T00:00:00.000Z' },
  });

  beforeEach(() => {
    world = createWorld(admission);
  });

  it('keeps its own lease, and no other', async () => {
    const { service } = world;
    await service.create(server, 'Lease', lease('server-a'));
    await service.patch(server, 'Lease', 'server-a', { spec: { leaving: true } }, { type: 'merge' });
    await refusal('Forbidden', () => service.create(server, 'Lease', lease('server-b')));
  });

  it('clears away what a dead server left, and nothing of agents', async () => {
    const { service } = world;
    await service.create(controller, 'Lease', lease('server-b'));
    await service.create(controller, 'Lease', lease('node-n1', { holder: 'agent', node: 'n1' }));
    await service.delete(server, 'Lease', 'server-b');
    await refusal('Forbidden', () => service.delete(server, 'Lease', 'node-n1'));
  });

  it('takes leaderships by higher terms; nobody else does', async () => {
    const { service } = world;
    await service.create(server, 'Leadership', leadership(1, 'a'));
    await service.update(server, 'Leadership', 'drain', leadership(2, 'b'));
    const write = (actor: Actor, term: number) => () =>
      service.update(actor, 'Leadership', 'drain', leadership(term, 'a'));
    await refusal('Invalid', write(server, 2));
    await refusal('Forbidden', write(admin, 3));
    await refusal('Invalid', write(controller, 3));
    await refusal('Invalid', () => service.delete(controller, 'Leadership', 'drain'));
    expect(service.get(admin, 'Leadership', 'drain').spec).to.include({ server: 'b', term: 2 });
  });

  it('touches nothing else', async () => {
    const { service } = world;
    await refusal('Forbidden', () => service.create(server, 'Node', node('n1')));
    await refusal('Forbidden', () => service.list(server, 'Credential'));
  });

  it('has a controller of an earlier term write nothing, in a dry run either', async () => {
    const { service } = world;
    await service.create(server, 'Leadership', leadership(2, 'b'));
    const late = { ...controller, leadership: { name: 'drain', term: 1 } };
    for (const dryRun of [false, true]) {
      const { message } = await refusal('Conflict', () =>
        service.create(late, 'Node', node('n1'), { dryRun }),
      );
      expect(message).to.equal('leadership "drain": term 1 is over, server "b" leads it now (term 2)');
    }
  });

  it('keeps the node that it runs on, while it is the last', async () => {
    const { service } = world;
    await service.create(admin, 'Node', node('n1'));
    await service.create(server, 'Lease', lease('server-a', { node: 'n1' }));
    const remove = () => service.patch(admin, 'Node', 'n1', { spec: { removed: true } }, { type: 'merge' });
    const refused = await refusal('Invalid', remove);
    expect(refused.message).to.equal(
      'node "n1": the last mill server runs on it: start "mill server" on another machine first',
    );
    expect(refused.details.causes?.[0]?.field).to.equal('spec.removed');
    await service.create(controller, 'Lease', lease('server-b'));
    expect((await remove()).spec.removed).to.equal(true);
  });
});
