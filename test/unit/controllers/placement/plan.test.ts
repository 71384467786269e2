import { expect } from 'chai';
import type { AnyObject } from '../../../../api/kinds/index.ts';
import { planDrain } from '../../../../controllers/placement/plan.ts';
import { MutableState } from '../../../../runtime/store/state.ts';
import {
  alloc,
  changed,
  healthyAlloc,
  node,
  ownerOf,
  service,
  task,
  volume,
} from '../../../vocabulary/objects.ts';

const leaving = node('node-3');
const plan = (...objects: AnyObject[]) => {
  const state = new MutableState();
  for (const object of [leaving, ...objects]) state.put(object);
  return planDrain(leaving, state);
};
const big = { resources: { cpu: '600m', memory: '64Mi' } };

describe('the plan of a drain', () => {
  it('places every service alloc elsewhere, each taking the room it needs', () => {
    const web = service('web', { replicas: 2, template: big });
    const services = plan(
      node('node-1', { capacity: { cpu: '1' } }),
      web,
      healthyAlloc('web-0-a', web, { node: 'node-3', slot: 0 }),
      healthyAlloc('web-1-a', web, { node: 'node-3', slot: 1 }),
    ).services;
    expect(services).to.deep.equal([
      { service: 'web', alloc: 'web-0-a', strategy: 'start-first', target: 'node-1' },
      {
        service: 'web',
        alloc: 'web-1-a',
        strategy: 'start-first',
        reasons: ['node-1: needs 600m CPU, 400m free'],
      },
    ]);
  });

  it('hands a volume on with the service that uses it, and detaches the others', () => {
    const mount = (name: string) => ({
      template: { volumes: [{ name: 'data', volume: name, path: '/data' }] },
    });
    const db = service('db', mount('data'));
    const job = task('job', mount('scratch'));
    const planned = plan(
      node('node-1'),
      db,
      job,
      volume('data', { node: 'node-3' }, { phase: 'attached', node: 'node-3' }),
      volume('idle', { node: 'node-3' }, { phase: 'attached', node: 'node-3' }),
      volume('scratch', { node: 'node-3' }, { phase: 'attached', node: 'node-3' }),
      volume('elsewhere', { node: 'node-1' }),
      healthyAlloc('db-0-a', db, { node: 'node-3' }),
      alloc(
        'job-a',
        { owner: ownerOf(job), node: 'node-3', template: job.spec.template },
        { phase: 'running' },
      ),
    );
    expect(planned.volumes).to.deep.equal([
      { volume: 'data', action: 'handOn' },
      { volume: 'idle', action: 'detach' },
      { volume: 'scratch', action: 'detach' },
    ]);
    expect(planned.services).to.deep.equal([
      { service: 'db', alloc: 'db-0-a', strategy: 'stop-first', target: 'node-1' },
    ]);
    expect(planned.tasks).to.deep.equal([{ task: 'job', alloc: 'job-a' }]);
  });

  it('leaves out what is over, what is being stopped, and what goes with its service', () => {
    const web = service('web');
    const going = changed(service('old'), { metadata: { deletionTimestamp: '2030-01-01T00:00:00.000Z' } });
    const planned = plan(
      node('node-1'),
      web,
      going,
      healthyAlloc('web-0-a', web, { node: 'node-3' }, { phase: 'stopped' }),
      healthyAlloc('web-0-b', web, { node: 'node-3', desired: 'stopped', stopReason: 'ScaledDown' }),
      healthyAlloc('old-0-a', going, { node: 'node-3' }),
    );
    expect(planned).to.deep.include({ services: [], tasks: [] });
  });

  it('names the target that a migration under way has chosen', () => {
    const web = service('web');
    const planned = plan(
      node('node-1'),
      node('node-2'),
      web,
      healthyAlloc('web-0-a', web, { node: 'node-3' }),
      healthyAlloc('web-0-b', web, { node: 'node-2', replaces: 'web-0-a' }),
    );
    expect(planned.services[0]?.target).to.equal('node-2');
  });
});
