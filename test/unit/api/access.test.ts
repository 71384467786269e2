import { expect } from 'chai';
import { KIND_NAMES, KINDS, type KindName } from '../../../api/kinds/index.ts';
import { Authenticator } from '../../../api/server/authn.ts';
import { authorize, type Verb } from '../../../api/server/authz.ts';
import type { Actor } from '../../../api/store.ts';
import { refusal } from './failure.ts';
import { admin, agentOf, controller, createWorld, gatewayOf, node } from './world.ts';

type Row = [
  actor: Actor,
  verb: Verb,
  kind: KindName,
  name: string,
  subresource: string | undefined,
  may: boolean,
];

const agent = agentOf('n1');
const gateway = gatewayOf('g1');
const nobody: Actor = { user: 'nobody', groups: [] };
/** Users may be named anything; only the group, which the server gives, makes an agent of them. */
const pretender: Actor = { user: 'system:node:n1', groups: [] };

const table: readonly Row[] = [
  [agent, 'get', 'Node', 'n2', undefined, true],
  [agent, 'list', 'Alloc', '', undefined, true],
  [agent, 'watch', 'Peer', '', undefined, true],
  [agent, 'get', 'Credential', 'n1', undefined, false],
  [agent, 'list', 'Credential', '', undefined, false],
  [agent, 'get', 'Alloc', 'a1', 'log', false],
  [agent, 'update', 'Alloc', 'a1', 'status', true],
  [agent, 'patch', 'Alloc', 'a1', 'status', true],
  [agent, 'update', 'Alloc', 'a1', undefined, false],
  [agent, 'create', 'Alloc', 'a1', undefined, false],
  [agent, 'delete', 'Alloc', 'a1', undefined, false],
  [agent, 'patch', 'Volume', 'v1', 'status', true],
  [agent, 'patch', 'Volume', 'v1', undefined, false],
  [agent, 'create', 'Lease', 'node-n1', undefined, true],
  [agent, 'update', 'Lease', 'node-n1', undefined, true],
  [agent, 'update', 'Lease', 'gateway-n1', undefined, true],
  [agent, 'update', 'Lease', 'node-n2', undefined, false],
  [agent, 'create', 'Peer', 'n1', undefined, true],
  [agent, 'create', 'Peer', 'n2', undefined, false],
  [agent, 'create', 'Event', 'e1', undefined, true],
  [agent, 'delete', 'Event', 'e1', undefined, false],
  [agent, 'patch', 'Node', 'n1', undefined, false],
  [agent, 'patch', 'Node', 'n1', 'status', false],
  [agent, 'create', 'Node', 'n1', 'register', false],
  [agent, 'watch', 'Node', 'n1', 'logrequests', true],
  [agent, 'create', 'Node', 'n2', 'logrequests', false],
  [agent, 'update', 'Service', 'web', 'scale', false],
  [gateway, 'watch', 'Endpoints', '', undefined, true],
  [gateway, 'update', 'Endpoints', 'web', undefined, false],
  [gateway, 'list', 'Alloc', '', undefined, false],
  [gateway, 'update', 'Lease', 'gateway-g1', undefined, true],
  [gateway, 'update', 'Lease', 'node-g1', undefined, false],
  [admin, 'get', 'Credential', 'n1', undefined, true],
  [admin, 'create', 'Node', 'n1', 'register', true],
  [admin, 'patch', 'Node', 'n1', undefined, true],
  [admin, 'update', 'Service', 'web', 'scale', true],
  [admin, 'get', 'Alloc', 'a1', 'log', true],
  [admin, 'create', 'Alloc', 'a1', undefined, false],
  [admin, 'patch', 'Alloc', 'a1', 'status', false],
  [admin, 'delete', 'Alloc', 'a1', undefined, false],
  [admin, 'update', 'Migration', 'm1', undefined, false],
  [admin, 'delete', 'Migration', 'm1', undefined, false],
  [admin, 'delete', 'Event', 'e1', undefined, true],
  [admin, 'delete', 'Credential', 'n1', undefined, true],
  [admin, 'update', 'Credential', 'n1', undefined, false],
  [controller, 'update', 'Alloc', 'a1', undefined, true],
  [controller, 'create', 'Migration', 'm1', undefined, true],
  [nobody, 'get', 'Node', 'n1', undefined, false],
  [pretender, 'get', 'Node', 'n1', undefined, false],
];

describe('authorization', () => {
  for (const [actor, verb, kind, name, subresource, may] of table) {
    const what = `${verb} ${KINDS[kind].plural}${subresource ? `/${subresource}` : ''} ${name}`.trim();
    it(`${may ? 'lets' : 'does not let'} ${actor.user} (${actor.groups.join() || 'no group'}) ${what}`, async () => {
      const act = () => authorize(actor, verb, kind, name, subresource);
      if (may) act();
      else await refusal('Forbidden', act);
    });
  }

  it('tells operators what to do instead of writing what mill writes', async () => {
    for (const kind of KIND_NAMES.filter((name) => KINDS[name].internal)) {
      const { message } = await refusal('Forbidden', () => authorize(admin, 'create', kind, 'x'));
      expect(message).to.match(/^\w+ "x" is written by mill itself: \w+/);
    }
  });
});

describe('registration and credentials', () => {
  const bearer = (token: string) => `Bearer ${token}`;

  it('makes a node and the credential that proves its agent', async () => {
    const { service, store } = createWorld();
    const authenticator = new Authenticator(store.state, []);
    const { commits } = store;
    const registration = { address: '10.0.0.1', capacity: { cpu: '2' }, labels: { zone: 'a' } };
    const registered = await service.registerNode(admin, 'n1', registration);
    expect(store.commits).to.equal(commits + 1);
    expect(registered.node.spec).to.deep.include({ address: '10.0.0.1' });
    expect(registered.node.spec.capacity).to.deep.include({ cpu: '2', memory: '8Gi' });
    expect(registered.node.metadata.labels).to.deep.equal({ zone: 'a' });
    expect(Number(registered.node.metadata.resourceVersion)).to.be.greaterThan(0);
    const actor = authenticator.authenticate(bearer(registered.token));
    expect(actor).to.deep.equal({ ...agentOf('n1'), nodeUid: registered.node.metadata.uid });
    expect(JSON.stringify(store.state.list('Credential'))).not.to.include(registered.token);
  });

  it('gives a living node a new token, and keeps what it does not say', async () => {
    const { service, store } = createWorld();
    const authenticator = new Authenticator(store.state, []);
    await service.create(admin, 'Node', node('n1', { unschedulable: true }, { labels: { zone: 'a' } }));
    const first = await service.registerNode(admin, 'n1', { address: '10.0.0.1' });
    const second = await service.registerNode(admin, 'n1', { labels: { disk: 'ssd' } });
    expect(second.node.spec).to.deep.include({ unschedulable: true, address: '10.0.0.1' });
    expect(second.node.metadata.labels).to.deep.equal({ zone: 'a', disk: 'ssd' });
    expect(second.node.metadata.uid).to.equal(first.node.metadata.uid);
    await refusal('Unauthorized', () => authenticator.authenticate(bearer(first.token)));
    authenticator.authenticate(bearer(second.token));
  });

  it('keeps a removed node out until its credential is deleted', async () => {
    const { service, store } = createWorld();
    const authenticator = new Authenticator(store.state, []);
    const { token } = await service.registerNode(admin, 'n1', undefined);
    await service.patch(controller, 'Credential', 'n1', { spec: { revoked: true } }, { type: 'merge' });
    const unauthorized = await refusal('Unauthorized', () => authenticator.authenticate(bearer(token)));
    expect(unauthorized.message).to.equal('the credential of node "n1" was revoked: the node was removed');
    const { message } = await refusal('Forbidden', () => service.registerNode(admin, 'n1', {}));
    expect(message).to.equal(
      'node "n1" was removed; run "mill delete credential n1" to let the name join again',
    );
    await service.delete(admin, 'Credential', 'n1');
    await service.registerNode(admin, 'n1', {});
  });

  it('refuses a node that is being removed, and what is no registration', async () => {
    const { service } = createWorld();
    await service.create(admin, 'Node', node('n1', { removed: true }));
    await refusal('Forbidden', () => service.registerNode(admin, 'n1', {}));
    await refusal('Forbidden', () => service.registerNode(agentOf('n2'), 'n2', {}));
    await refusal('Invalid', () => service.registerNode(admin, 'n2', { adress: 'x' }));
    await refusal('Invalid', () => service.registerNode(admin, 'n2', { capacity: { cpu: 'many' } }));
    await refusal('Invalid', () => service.registerNode(admin, 'No Name', {}));
    await refusal('BadRequest', () => service.registerNode(admin, 'n2', []));
  });

  it('knows the tokens of the start, and none but well-formed ones', async () => {
    const { store } = createWorld();
    const authenticator = new Authenticator(store.state, [{ token: 'secret', actor: admin }]);
    expect(authenticator.authenticate('bearer secret')).to.equal(admin);
    const headers = [
      undefined,
      '',
      'Bearer',
      'Basic secret',
      'Bearer a b',
      'Bearer wrong',
      bearer('x'.repeat(5_000)),
    ];
    for (const header of headers) {
      await refusal('Unauthorized', () => authenticator.authenticate(header));
    }
  });
});
