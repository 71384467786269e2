import { expect } from 'chai';
import sinon from 'sinon';
import { conflict } from '../../../../api/errors.ts';
import { allocCommands } from '../../../../controllers/alloc/commands.ts';
import type { Supervisor } from '../../../../controllers/alloc/supervisor.ts';
import type { Context } from '../../../../runtime/controller/controller.ts';
import { alloc, healthyAlloc, service, task } from '../../../vocabulary/objects.ts';

describe('the stop of an alloc', () => {
  const stop = sinon.spy();
  const patch = sinon.stub();
  const { stopWorkload } = allocCommands({ stop } as unknown as Supervisor, {
    directory: () => undefined,
    problem: () => undefined,
  });
  const stopped = (object: ReturnType<typeof alloc>) =>
    stopWorkload({ graceMs: 7, purpose: 'suspended' }, { object, client: { patch } } as unknown as Context & {
      object: typeof object;
    });
  const healthy = healthyAlloc('web-0-a', service('web'), { desired: 'suspended' });

  beforeEach(() => {
    stop.resetHistory();
    patch.reset();
  });

  it('is recorded, revision-checked, before its process is touched', async () => {
    patch.callsFake(async () => expect(stop.callCount).to.equal(0));
    await stopped(healthy);
    const wanted = { metadata: { resourceVersion: '1' }, status: { phase: 'stopping' } };
    expect(patch.firstCall.args).to.deep.equal(['Alloc', 'web-0-a', wanted, { subresource: 'status' }]);
    expect(stop.firstCall.args).to.deep.equal(['web-0-a', 7, 'suspended']);
  });

  it('does not happen where the alloc is another by now: it may be wanted, and routed, again', async () => {
    patch.rejects(conflict('Alloc', 'web-0-a'));
    await stopped(healthy);
    expect(stop.callCount).to.equal(0);
  });

  it('waits for a server that can be asked', async () => {
    patch.rejects(new Error('no server'));
    expect(await stopped(healthy).catch((error: Error) => error.message)).to.equal('no server');
    expect(stop.callCount).to.equal(0);
  });

  it('needs no record where nobody is sent to it', async () => {
    const owner = { kind: 'Task', name: 'job', uid: task('job').metadata.uid } as const;
    await stopped(alloc('job-a', { owner, desired: 'stopped' }, { phase: 'healthy' }));
    await stopped(alloc('web-0-b', { desired: 'stopped' }, { phase: 'running' }));
    expect(patch.callCount).to.equal(0);
    expect(stop.callCount).to.equal(2);
  });
});
