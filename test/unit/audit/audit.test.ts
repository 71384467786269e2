import { expect } from 'chai';
import * as allocs from '../../../api/audit/allocs.ts';
import { auditState, STATE_CHECKS } from '../../../api/audit/audit.ts';
import type { StateCheck } from '../../../api/audit/check.ts';
import * as nodes from '../../../api/audit/nodes.ts';
import * as any from '../../../api/audit/objects.ts';
import * as volumes from '../../../api/audit/volumes.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import { API_VERSION } from '../../../api/meta.ts';
import {
  alloc,
  build,
  healthyAlloc,
  migration,
  node,
  ownerOf,
  peer,
  service,
  uidOf,
  volume,
} from '../../vocabulary/objects.ts';
import { stateOf } from '../backup/states.ts';

const web = service('web', { replicas: 2 });
const withVolume = { template: { volumes: [{ name: 'data', volume: 'data', path: '/data' }] } };
const db = service('db', withVolume);
const credential = (name: string, spec: object = {}, nodeUid = uidOf('Node', name)) =>
  build('Credential', name, { node: name, nodeUid, tokenHash: 'a'.repeat(64), ...spec }, {}, {});
const ownedBy = (name: string) => ({
  ownerReferences: [{ apiVersion: API_VERSION, kind: 'Service', name, uid: uidOf('Service', name) }],
});
const DELETED = { deletionTimestamp: '2030-01-01T00:00:00.000Z' };
const suspended = { desired: 'suspended' } as const;

/** A state in the middle of several things: nothing is wrong with it. */
const SOUND: readonly AnyObject[] = [
  node('node-1', { drain: true }),
  node('node-2', {}, { phase: 'down' }),
  node('node-3', { removed: true }),
  web,
  db,
  healthyAlloc('web-0', web),
  alloc('web-0-old', { owner: ownerOf(web) }, { phase: 'stopped' }),
  alloc('web-1', { owner: ownerOf(web), slot: 1, ...suspended }, { phase: 'suspended' }),
  alloc('web-1-new', { owner: ownerOf(web), slot: 1, node: 'node-2', replaces: 'web-1' }),
  migration('web-1', {}, { phase: 'awaitingHealthy', replacement: 'web-1-new' }),
  alloc('gone-3', { owner: ownerOf(web), node: 'node-3' }, { phase: 'failed' }),
  alloc('db-0', { owner: ownerOf(db), ...withVolume }, { phase: 'healthy' }),
  volume('data', { node: 'node-1' }, { phase: 'attached', node: 'node-1', mounted: true }),
  volume('idle', { node: 'long-gone' }),
  credential('node-1'),
  credential('long-gone', { revoked: true }),
  peer('node-1', { allowedIPs: ['10.0.0.1/32'] }),
  peer('node-3', { allowedIPs: ['10.0.0.3/32'], withdrawn: true }),
];

/** What is added to the sound state, or put in the place of one of its objects; what is found, and where. */
const BROKEN: readonly (readonly [StateCheck, AnyObject, string, string])[] = [
  [any.uniqueUids, node('node-4', {}, {}, { uid: uidOf('Node', 'node-1') }), 'node/node-4', 'metadata.uid'],
  [
    any.ownersExist,
    alloc('lost', { slot: 7 }, { phase: 'failed' }, ownedBy('nobody')),
    'alloc/lost',
    'metadata.ownerReferences[0]',
  ],
  [
    any.deletionsWait,
    volume('idle', {}, {}, { ...DELETED, finalizers: [] }),
    'volume/idle',
    'metadata.deletionTimestamp',
  ],
  [allocs.allocsHaveNodes, healthyAlloc('web-0', web, { node: 'nowhere' }), 'alloc/web-0', 'spec.node'],
  [allocs.oneAllocASlot, healthyAlloc('web-0-twin', web), 'alloc/web-0-twin', 'spec.slot'],
  [allocs.suspendedWithWayBack, migration('web-1', {}, { phase: 'failed' }), 'alloc/web-1', 'spec.desired'],
  [
    allocs.mountedOnce,
    alloc('db-1', { owner: ownerOf(db), slot: 1, ...withVolume }),
    'alloc/db-1',
    'spec.template.volumes',
  ],
  [
    allocs.mountedOnce,
    alloc('db-0', { owner: ownerOf(db), template: { volumes: [{ name: 'a', volume: 'none', path: '/a' }] } }),
    'alloc/db-0',
    'spec.template.volumes',
  ],
  [
    volumes.attachedToNodes,
    volume('idle', {}, { phase: 'attached', node: 'nowhere' }),
    'volume/idle',
    'status.node',
  ],
  [volumes.attachedWhereItSays, volume('idle', {}, { phase: 'attached' }), 'volume/idle', 'status.node'],
  [volumes.attachedWhereItSays, volume('idle', {}, { mounted: true }), 'volume/idle', 'status.mounted'],
  [volumes.attachedWhereItSays, volume('idle', {}, { node: 'node-1' }), 'volume/idle', 'status.phase'],
  [volumes.sharedByNone, service('other', withVolume), 'service/other', 'spec.template.volumes[0].volume'],
  [volumes.sharedByNone, service('db', { ...withVolume, replicas: 2 }), 'service/db', 'spec.replicas'],
  [nodes.emptyWhenLeaving, node('node-1', { removed: true }), 'node/node-1', 'spec.removed'],
  [nodes.emptyWhenLeaving, node('node-2', {}, {}, DELETED), 'node/node-2', 'metadata.deletionTimestamp'],
  [nodes.credentialsDie, credential('long-gone'), 'credential/long-gone', 'spec.node'],
  [nodes.credentialsDie, credential('node-1', {}, 'an-earlier-uid'), 'credential/node-1', 'spec.nodeUid'],
  [nodes.peersHaveNodes, peer('nowhere'), 'peer/nowhere', 'spec.node'],
  [nodes.meshAddresses, peer('node-2', { allowedIPs: ['10.0.0.1/32'] }), 'peer/node-2', 'spec.allowedIPs[0]'],
];

describe('the audit of a state', () => {
  it('has nothing against one that is in the middle of a drain, a removal and a migration', () => {
    expect([...auditState(stateOf(...SOUND))]).to.deep.equal([]);
  });

  it('has a case here for each of its checks', () => {
    expect(new Set(BROKEN.map(([check]) => check.says))).to.deep.equal(
      new Set(STATE_CHECKS.map(({ says }) => says)),
    );
  });

  for (const [check, object, subject, path] of BROKEN) {
    it(`"${check.says}" finds ${subject} at ${path}`, () => {
      const state = stateOf(...SOUND, object);
      const found = [...check.problems(state)];
      expect(found[0]).to.include({ object: subject, path });
      expect(found[0]?.message).to.match(/^\S[^\n]+[^.]$/);
      expect([...auditState(state)]).to.deep.include(found[0]);
    });
  }
});
