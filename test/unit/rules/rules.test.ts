import { expect } from 'chai';
import { hasCause, UNKNOWN_HERE } from '../../../api/errors.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import type { Actor } from '../../../api/store.ts';
import {
  alloc,
  changed,
  healthyAlloc,
  migration,
  node,
  peer,
  service,
  volume,
} from '../../vocabulary/objects.ts';
import { objection, put, refusalOf, remove } from './objection.ts';

const mounts = { volumes: [{ name: 'data', volume: 'disk', path: '/data' }] };

describe('the rules', () => {
  const web = service('web');
  const original = healthyAlloc('web-0-a', web, { node: 'node-1' });
  const replacement = healthyAlloc('web-0-b', web, { node: 'node-2', replaces: 'web-0-a' });
  const stop = (object: typeof original, stopReason: 'Migrated' | 'ScaledDown' | 'DrainForced') =>
    put(changed(object, { spec: { ...object.spec, desired: 'stopped', stopReason } }));

  describe('let an alloc be created', () => {
    const place = put(alloc('web-1-a', { node: 'node-1', slot: 1 }));
    for (const [what, there, expected] of [
      ['on a ready node', [node('node-1')], undefined],
      ['on no node that is missing', [], 'node node-1 does not exist'],
      ['on no cordoned node', [node('node-1', { unschedulable: true })], 'node node-1 is cordoned'],
      ['on no draining node', [node('node-1', { drain: true })], 'node node-1 is draining'],
      ['on no removed node', [node('node-1', { removed: true })], 'node node-1 is being removed'],
      ['on no node that is down', [node('node-1', {}, { phase: 'down' })], 'node node-1 is down'],
      ['on no full node', [node('node-1', { capacity: { cpu: '50m' } })], 'needs 100m CPU, 50m free'],
    ] as const) {
      it(what, () => {
        const said = objection(there, place);
        if (expected === undefined) expect(said).to.equal(undefined);
        else expect(said).to.include(expected);
      });
    }

    it('in no slot that another one has', () => {
      const second = put(healthyAlloc('web-0-c', web, { node: 'node-2' }));
      expect(objection([node('node-2'), original], second)).to.include('its place is taken by alloc web-0-a');
    });

    it('as a replacement, while its migration is under way, and only one', () => {
      const there = [node('node-2'), web, original];
      const moving = migration('web-0-a');
      expect(objection([...there, moving], put(replacement))).to.equal(undefined);
      expect(objection(there, put(replacement))).to.include('no migration of alloc web-0-a is under way');
      const cancelled = migration('web-0-a', { cancelled: true });
      expect(objection([...there, cancelled], put(replacement))).to.include('no migration');
      const another = put(healthyAlloc('web-0-c', web, { node: 'node-2', replaces: 'web-0-a' }));
      expect(objection([...there, moving, replacement], another)).to.include('taken by alloc web-0-b');
    });

    it('only with volumes that are there and that nobody else writes', () => {
      const writer = put(alloc('db-0-a', { node: 'node-1', owner: { uid: 'db' }, template: mounts }));
      expect(objection([node('node-1')], writer)).to.include('volume disk does not exist');
      expect(objection([node('node-1'), volume('disk')], writer)).to.equal(undefined);
      const other = alloc('old-0-a', { node: 'node-2', owner: { uid: 'old' }, template: mounts });
      expect(objection([node('node-1'), volume('disk'), other], writer)).to.include(
        'is mounted by alloc old-0-a',
      );
    });
  });

  describe('keep an alloc', () => {
    it('over once it is over: a late report changes nothing', () => {
      const over = alloc('web-0-a', {}, { phase: 'failed' });
      expect(objection([over], put(changed(over, { status: { phase: 'healthy' } })))).to.include(
        'failed already',
      );
    });

    it('with its owner, node and template', () => {
      const moved = put(changed(original, { spec: { ...original.spec, node: 'node-2' } }));
      expect(objection([original], moved)).to.include('spec.node never changes');
    });

    it('until it is over', () => {
      expect(objection([original], remove(original))).to.include('stop it before it is deleted');
      const over = alloc('web-0-a', {}, { phase: 'stopped' });
      expect(objection([over], remove(over))).to.equal(undefined);
    });

    it('running until its replacement is healthy and routed', () => {
      expect(objection([original], stop(original, 'Migrated'))).to.include('not healthy and routed');
      const unrouted = changed(replacement, { status: { ...replacement.status, route: 'unrouted' } });
      expect(objection([original, unrouted], stop(original, 'Migrated'))).to.include(
        'not healthy and routed',
      );
      expect(objection([original, replacement], stop(original, 'Migrated'))).to.equal(undefined);
    });

    it('running against force, unless its node is drained by force', () => {
      const forced = { drain: true, drainPolicy: { onDeadline: 'force' } } as const;
      expect(
        objection([node('node-1', { drain: true }), original], stop(original, 'DrainForced')),
      ).to.include('by force');
      expect(objection([node('node-1', forced), original], stop(original, 'DrainForced'))).to.equal(
        undefined,
      );
    });

    it('from being suspended without a migration that brings it back', () => {
      const suspend = put(changed(original, { spec: { ...original.spec, desired: 'suspended' } }));
      expect(objection([original], suspend)).to.include('no migration that could bring it back');
      expect(objection([original, migration('web-0-a')], suspend)).to.equal(undefined);
    });

    it('stopped once it is wanted stopped', () => {
      const stopping = alloc('web-0-a', { desired: 'stopped' });
      const again = put(changed(stopping, { spec: { ...stopping.spec, desired: 'running' } }));
      expect(objection([stopping], again)).to.include('being stopped');
    });
  });

  describe('let a migration', () => {
    it("begin within its service's budget", () => {
      expect(objection([web], put(migration('web-0-a')))).to.equal(undefined);
      expect(objection([web, migration('web-1-a')], put(migration('web-0-a')))).to.include(
        'on the move already',
      );
      const finished = migration('web-1-a', {}, { phase: 'done' });
      expect(objection([web, finished], put(migration('web-0-a')))).to.equal(undefined);
    });

    it('be deleted only at its end, or when its alloc is over', () => {
      const moving = migration('web-0-a');
      expect(objection([moving, original], remove(moving))).to.include('cancel it');
      expect(objection([moving], remove(moving))).to.equal(undefined);
    });

    it('keep a failure that was recorded', () => {
      const failed = migration('web-0-a', {}, { failure: { reason: 'NoPlace', message: 'full' } });
      expect(objection([failed], put({ ...failed, status: { phase: 'placing' } }))).to.include('stays');
    });
  });

  describe('let a volume', () => {
    const attached = volume('disk', { node: 'node-1' }, { phase: 'attached', node: 'node-1' });
    const writer = healthyAlloc('db-0-a', service('db', { template: mounts }), { node: 'node-1' });
    const away = put(changed(attached, { spec: { ...attached.spec, node: 'node-2' } }));
    const nodes = [node('node-1'), node('node-2')];

    it('be on one node at a time', () => {
      const both = put(changed(attached, { status: { ...attached.status, node: 'node-2' } }));
      expect(objection([...nodes, attached], both)).to.include('detach it there first');
    });

    it('go nowhere under a live writer, unless that is suspended or its node is down', () => {
      expect(objection([...nodes, attached, writer], away)).to.include('alloc db-0-a on node-1 mounts it');
      const suspended = changed(writer, { status: { phase: 'suspended' } });
      expect(objection([...nodes, attached, suspended], away)).to.equal(undefined);
      const down = [node('node-1', {}, { phase: 'down' }), node('node-2')];
      expect(objection([...down, attached, writer], away)).to.equal(undefined);
    });

    it('stay where it is mounted', () => {
      const mounted = changed(attached, { status: { ...attached.status, mounted: true } });
      const detached = put({ ...mounted, status: { phase: 'ready' } });
      expect(objection([...nodes, mounted], detached)).to.include('mounted on node-1');
    });

    it('begin to leave where it is mounted only while that node is lost: it may just have come back', () => {
      const mounted = changed(attached, { status: { ...attached.status, mounted: true } });
      const leaving = put(changed(mounted, { status: { ...mounted.status, phase: 'detaching' } }));
      expect(objection([...nodes, mounted], leaving)).to.include('mounted on node-1');
      const down = [node('node-1', {}, { phase: 'down' }), node('node-2')];
      expect(objection([...down, mounted], leaving)).to.equal(undefined);
      expect(objection([mounted], leaving)).to.equal(undefined);
    });

    it('be wanted on a draining node only to bring a suspended alloc back', () => {
      const ready = volume('disk');
      const wanted = put(changed(ready, { spec: { ...ready.spec, node: 'node-1' } }));
      const draining = node('node-1', { drain: true });
      expect(objection([draining, ready], wanted)).to.include('node node-1 is draining');
      const suspended = changed(writer, {
        spec: { ...writer.spec, desired: 'suspended' },
        status: { phase: 'suspended' },
      });
      expect(objection([draining, ready, suspended], wanted)).to.equal(undefined);
      expect(objection([node('node-1', { removed: true }), ready], wanted)).to.include('is being removed');
    });

    it('be mounted by one service with one replica', () => {
      expect(objection([], put(service('db', { replicas: 2, template: mounts })))).to.include(
        'must be at most 1',
      );
      const other = service('other', { template: mounts });
      expect(objection([other], put(service('db', { template: mounts })))).to.include(
        'belongs to service other',
      );
    });
  });

  describe('let a node', () => {
    const empty = node('node-1', { drain: true });
    const leave = put(changed(empty, { spec: { ...empty.spec, removed: true } }));

    it('be removed only when nothing is active there, and say what is', () => {
      expect(objection([empty], leave)).to.equal(undefined);
      expect(objection([empty, original], leave)).to.include('node still has active allocations: web-0-a');
      const over = alloc('web-0-a', {}, { phase: 'stopped' });
      expect(objection([empty, over], leave)).to.equal(undefined);
      const disk = volume('disk', {}, { phase: 'attached', node: 'node-1' });
      expect(objection([empty, disk], leave)).to.include('node still has active allocations: volume disk');
      expect(objection([empty, original], remove(empty))).to.include('node still has active allocations');
    });

    it('not come back from its removal', () => {
      const leaving = node('node-1', { removed: true });
      const back = put(changed(leaving, { spec: { ...leaving.spec, removed: false } }));
      expect(objection([leaving], back)).to.include('cannot be taken back');
    });
  });

  describe("let a node's agent", () => {
    const agent: Actor = {
      user: 'system:node:node-1',
      groups: ['system:nodes'],
      nodeUid: node('node-1').metadata.uid,
    };
    const credential = (revoked: boolean): AnyObject => ({
      apiVersion: 'mill.dev/v1alpha1',
      kind: 'Credential',
      metadata: { ...node('node-1').metadata },
      spec: { node: 'node-1', nodeUid: agent.nodeUid ?? '', tokenHash: '0'.repeat(64), revoked },
      status: {},
    });
    const report = put(changed(original, { status: { ...original.status, phase: 'running' } }));

    it('report of its own allocs, and of no other', () => {
      expect(objection([node('node-1'), credential(false), original], report, agent)).to.equal(undefined);
      const foreign = put(changed(replacement, { status: { ...replacement.status, phase: 'running' } }));
      expect(objection([node('node-1'), credential(false), replacement], foreign, agent)).to.match(
        /^Forbidden/,
      );
      const other = put(peer('node-2'));
      expect(objection([node('node-1'), credential(false)], other, agent)).to.match(/^Forbidden/);
    });

    it('write nothing once its node is removed', () => {
      for (const there of [
        [node('node-1'), credential(true), original],
        [credential(true), original],
      ])
        expect(objection(there, report, agent)).to.include('was removed: its agent may not write');
    });

    it('write nothing where its node is not known, or is another one of the same name, which may yet be learned', () => {
      const unknown = 'is not known: it was removed, or this server is behind';
      expect(objection([original], report, agent)).to.include(unknown);
      expect(objection([credential(false), original], report, agent)).to.include(unknown);
      const stranger = { ...agent, nodeUid: 'another' };
      for (const revoked of [false, true])
        expect(objection([node('node-1'), credential(revoked), original], report, stranger)).to.include(
          unknown,
        );
      expect(hasCause(refusalOf([original], report, agent), UNKNOWN_HERE)).to.equal(true);
    });
  });
});
