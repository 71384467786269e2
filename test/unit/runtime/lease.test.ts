import { expect } from 'chai';
import { type Client, ConnectionError, type DeleteOptions } from '../../../api/client/client.ts';
import { ApiError, alreadyExists, conflict, notFound } from '../../../api/errors.ts';
import type { Lease, LeaseSpec } from '../../../api/kinds/lease.ts';
import { silentLog } from '../../../api/log.ts';
import { createLeaseKeeper, type LeaseKeeper } from '../../../runtime/lease.ts';
import { flushMicrotasks, START_MS, VirtualClock } from '../../vocabulary/clock.ts';

const NAME = 'node-node-1';
const RENEW_EVERY_MS = 1_000;
const FENCE_AFTER_MS = 3_000;

const leaseOf = (spec: LeaseSpec, resourceVersion: string) =>
  ({ kind: 'Lease', metadata: { name: NAME, resourceVersion }, spec }) as Lease;

describe('the lease keeper', () => {
  let clock: VirtualClock;
  let keeper: LeaseKeeper;
  let written: LeaseSpec[];
  /** What the servers have. */
  let lease: Lease | undefined;
  /** Thrown by each write, while it is set. */
  let failure: Error | undefined;
  /** While it is set, writes wait for it. */
  let gate: Promise<void> | undefined;

  const answered = async () => {
    await gate;
    if (failure) throw failure;
  };
  const write = (spec: LeaseSpec): Lease => {
    written.push(spec);
    lease = leaseOf(spec, String(written.length));
    return lease;
  };
  const found = (): Lease => {
    if (!lease) throw notFound('Lease', NAME);
    return lease;
  };
  const check = (resourceVersion: string) => {
    if (found().metadata.resourceVersion !== resourceVersion) throw conflict('Lease', NAME);
  };
  const client = {
    get: async () => {
      await answered();
      return found();
    },
    patch: async (_kind: string, _name: string, { metadata, spec }: Pick<Lease, 'metadata' | 'spec'>) => {
      await answered();
      check(metadata.resourceVersion);
      return write(spec);
    },
    create: async ({ spec }: { spec: LeaseSpec }) => {
      await answered();
      if (lease) throw alreadyExists('Lease', NAME);
      return write(spec);
    },
    delete: async (_kind: string, _name: string, { resourceVersion = '' }: DeleteOptions) => {
      await answered();
      check(resourceVersion);
      lease = undefined;
    },
  } as unknown as Client;
  const start = async () => {
    keeper = createLeaseKeeper({
      client,
      clock,
      log: silentLog,
      name: NAME,
      holder: 'agent',
      node: 'node-1',
      durationMs: 10_000,
      renewEveryMs: RENEW_EVERY_MS,
      session: 'run-1',
    });
    await flushMicrotasks();
  };

  beforeEach(() => {
    clock = new VirtualClock();
    written = [];
    lease = undefined;
    failure = undefined;
    gate = undefined;
  });
  afterEach(() => keeper.close());

  it('creates the lease, and renews it at its interval', async () => {
    await start();
    await keeper.held;
    expect(written).to.deep.equal([
      {
        holder: 'agent',
        node: 'node-1',
        renewTime: new Date(START_MS).toISOString(),
        durationMs: 10_000,
        appliedRevision: 0,
        draining: [],
        session: 'run-1',
      },
    ]);
    await clock.advance(3 * RENEW_EVERY_MS);
    expect(written.map((spec) => Date.parse(spec.renewTime) - START_MS)).to.deep.equal([0, 1000, 2000, 3000]);
  });

  it('reports at once', async () => {
    await start();
    keeper.report({ appliedRevision: 42, draining: ['web-0'] });
    await flushMicrotasks();
    expect(written.at(-1)).to.deep.include({ appliedRevision: 42, draining: ['web-0'] });
    keeper.report({ draining: [] });
    await flushMicrotasks();
    expect(written.at(-1)).to.deep.include({ appliedRevision: 42, draining: [] });
  });

  it('sends nothing for a report without news', async () => {
    await start();
    keeper.report({ appliedRevision: 42 });
    await flushMicrotasks();
    const before = written.length;
    keeper.report({ appliedRevision: 42, draining: [] });
    keeper.report({ appliedRevision: 41 });
    await flushMicrotasks();
    expect(written).to.have.length(before);
  });

  it('has one request under way, and then sends the newest of what came meanwhile', async () => {
    await start();
    let open = () => {};
    gate = new Promise((resolve) => (open = resolve));
    for (const appliedRevision of [5, 6, 7, 8]) keeper.report({ appliedRevision });
    await flushMicrotasks();
    open();
    gate = undefined;
    await flushMicrotasks();
    expect(written.slice(1).map((spec) => spec.appliedRevision)).to.deep.equal([5, 8]);
  });

  it('tries again soon after a failure, and is not held up by a request that hangs', async () => {
    await start();
    failure = new ConnectionError('refused');
    await clock.advance(RENEW_EVERY_MS);
    failure = undefined;
    await clock.advance(60);
    expect(written).to.have.length(2);
    gate = new Promise(() => {});
    await clock.advance(RENEW_EVERY_MS);
    gate = undefined;
    await clock.advance(RENEW_EVERY_MS + 60);
    expect(written).to.have.length(3);
  });

  it('says that it is lost when nothing has arrived for so long, counted from the last that did', async () => {
    await start();
    const losses: number[] = [];
    keeper.onLost(() => losses.push(clock.now() - START_MS), FENCE_AFTER_MS);
    await clock.advance(5 * RENEW_EVERY_MS);
    expect(losses).to.deep.equal([]);
    failure = new ConnectionError('refused');
    await clock.advance(60_000);
    expect(losses).to.deep.equal([5_000 + FENCE_AFTER_MS]);
    expect(keeper.lastContactMs).to.equal(START_MS + 5_000);
  });

  it('says it again after contact came back and was lost again', async () => {
    await start();
    let losses = 0;
    let regained = 0;
    keeper.onLost(() => (losses += 1), FENCE_AFTER_MS);
    keeper.onRegained(() => (regained += 1));
    for (let round = 1; round <= 2; round++) {
      failure = new ConnectionError('refused');
      await clock.advance(60_000);
      failure = undefined;
      await clock.advance(2 * RENEW_EVERY_MS);
      expect([losses, regained]).to.deep.equal([round, round]);
    }
  });

  it('counts an answer from when its request was sent, as the servers do', async () => {
    await start();
    let open = () => {};
    gate = new Promise((resolve) => (open = resolve));
    await clock.advance(RENEW_EVERY_MS + 500);
    open();
    await flushMicrotasks();
    expect(keeper.lastContactMs).to.equal(START_MS + RENEW_EVERY_MS);
  });

  it('believes that it was rejected only after some refusals in a row', async () => {
    await start();
    const rejections: string[] = [];
    keeper.onRejected((error) => rejections.push(error.message));
    failure = new ApiError('Unauthorized', 'who are you');
    await clock.advance(RENEW_EVERY_MS);
    expect(rejections).to.deep.equal([]);
    failure = new ConnectionError('refused');
    await clock.advance(100);
    failure = new ApiError('Forbidden', 'node "node-1" was removed');
    await clock.advance(10 * RENEW_EVERY_MS);
    expect(rejections).to.deep.equal(['node "node-1" was removed']);
  });

  it('does not believe a server that is behind and knows no such token, before that has lasted', async () => {
    await start();
    const rejections: string[] = [];
    keeper.onRejected((error) => rejections.push(error.message));
    const causes = [{ field: '', message: '', reason: 'UnknownHere' }];
    failure = new ApiError('Unauthorized', 'the token is not known here', { causes });
    await clock.advance(9_000);
    expect(rejections).to.deep.equal([]);
    await clock.advance(3_000);
    expect(rejections).to.deep.equal(['the token is not known here']);
  });

  it('is quiet once it is closed, and gives the lease up where it is asked to', async () => {
    await start();
    const before = written.length;
    await keeper.close({ release: true });
    keeper.report({ appliedRevision: 9 });
    await clock.advance(60_000);
    expect(written).to.have.length(before);
    expect(lease).to.equal(undefined);
    expect(clock.nextMs).to.equal(undefined);
  });

  it('goes on where a renewal whose answer was lost has arrived all the same', async () => {
    await start();
    lease = leaseOf({ ...found().spec, appliedRevision: 7 }, 'unheard');
    await clock.advance(RENEW_EVERY_MS);
    expect(written).to.have.length(2);
    expect(keeper.lastContactMs).to.equal(START_MS + RENEW_EVERY_MS);
  });

  it('makes the lease again where it was deleted', async () => {
    await start();
    lease = undefined;
    await clock.advance(RENEW_EVERY_MS);
    expect(found().spec.session).to.equal('run-1');
  });

  it('gives up only what it holds itself: the next run may be there already', async () => {
    await start();
    lease = leaseOf({ ...found().spec, session: 'run-2' }, 'later');
    await keeper.close({ release: true });
    expect(lease.spec.session).to.equal('run-2');
  });

  it('deletes nothing that was written after it had looked', async () => {
    await start();
    let open = () => {};
    const closed = keeper.close({ release: true });
    gate = new Promise((resolve) => (open = resolve));
    await flushMicrotasks();
    lease = leaseOf({ ...found().spec, session: 'run-2' }, 'later');
    open();
    await closed;
    expect(lease.spec.session).to.equal('run-2');
  });

  it('ends where no server is there to give the lease back to', async () => {
    await start();
    failure = new ConnectionError('nothing listens there');
    await keeper.close({ release: true });
    expect(lease).to.not.equal(undefined);
  });

  it('ends within a renewal where the server hangs', async () => {
    await start();
    gate = new Promise(() => {});
    const closed = keeper.close({ release: true });
    await flushMicrotasks();
    await clock.advance(RENEW_EVERY_MS);
    await closed;
    expect(clock.nextMs).to.equal(undefined);
  });
});
