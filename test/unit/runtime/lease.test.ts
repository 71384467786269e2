import { expect } from 'chai';
import { type Client, ConnectionError } from '../../../api/client/client.ts';
import { ApiError, notFound } from '../../../api/errors.ts';
import type { LeaseSpec } from '../../../api/kinds/lease.ts';
import { silentLog } from '../../../api/log.ts';
import { createLeaseKeeper, type LeaseKeeper } from '../../../runtime/lease.ts';
import { flushMicrotasks, START_MS, VirtualClock } from '../../vocabulary/clock.ts';

const RENEW_EVERY_MS = 1_000;
const FENCE_AFTER_MS = 3_000;

describe('the lease keeper', () => {
  let clock: VirtualClock;
  let keeper: LeaseKeeper;
  let written: LeaseSpec[];
  let exists: boolean;
  let deleted: number;
  /** Thrown by each write, while it is set. */
  let failure: Error | undefined;
  /** While it is set, writes wait for it. */
  let gate: Promise<void> | undefined;

  const write = async (spec: LeaseSpec) => {
    await gate;
    if (failure) throw failure;
    written.push(spec);
  };
  const client = {
    patch: async (_kind: string, name: string, { spec }: { spec: LeaseSpec }) => {
      if (!exists && !failure) throw notFound('Lease', name);
      await write(spec);
    },
    create: async ({ spec }: { spec: LeaseSpec }) => {
      await write(spec);
      exists = true;
    },
    delete: async () => {
      await gate;
      if (failure) throw failure;
      deleted += 1;
    },
  } as unknown as Client;
  const start = async () => {
    keeper = createLeaseKeeper({
      client,
      clock,
      log: silentLog,
      name: 'node-node-1',
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
    exists = false;
    deleted = 0;
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
    expect(deleted).to.equal(1);
    expect(clock.nextMs).to.equal(undefined);
  });

  it('ends where no server is there to give the lease back to', async () => {
    await start();
    failure = new ConnectionError('nothing listens there');
    await keeper.close({ release: true });
    expect(deleted).to.equal(0);
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
