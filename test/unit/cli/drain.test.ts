import { expect } from 'chai';
import { FakeConnection } from './fake-connection.ts';
import { Following } from './following.ts';
import { alloc, BEFORE, DRAINED, END, migration, node, reporting, START, volume } from './objects.ts';

const WEB = { kind: 'Service', name: 'counter' } as const;
const BATCH = { kind: 'Task', name: 'batch' } as const;
const FAILURE = { service: 'web', alloc: 'web-0', reason: 'ReplacementFailed', message: 'it exited with 1' };

const DRAIN_WATCHES = 4;

describe('mill drain', () => {
  it('says each step as it is observed, and exits 0 when the node is drained', async () => {
    const original = alloc('counter-0-a', 'node-3', WEB, {}, ['data']);
    const task = alloc('batch-x', 'node-3', BATCH);
    const connection = new FakeConnection(node('node-3'), original, task, volume('data', 'node-3'));
    const drain = new Following('drain node-3', connection);
    await drain.settle(DRAIN_WATCHES);
    expect(connection.writes).to.deep.equal(['patch Node/node-3 {"spec":{"drain":true,"drainPolicy":{}}}']);
    drain.report({ step: 'checkingFeasibility' });
    await drain.settle(DRAIN_WATCHES);
    expect(drain.lines).to.deep.equal(['node/node-3 cordoned: no new work is placed on it']);
    drain.report({ step: 'migrating' });
    const move = {
      strategy: 'stop-first',
      startedAt: START,
      target: 'node-1',
      replacement: 'counter-0-b',
    } as const;
    connection.put(migration('counter-0-a', 'node-3', { phase: 'movingVolume', ...move }));
    await drain.settle(DRAIN_WATCHES);
    connection.put(volume('data', 'node-1'));
    const routedAt = '2026-01-01T00:00:01.000Z';
    const done = { ...move, routedAt, gapMs: 410, finishedAt: '2026-01-01T00:00:01.200Z' };
    connection.put(migration('counter-0-a', 'node-3', { phase: 'done', ...done }));
    connection.put(alloc('batch-x', 'node-3', BATCH, { phase: 'stopped', finishedAt: END }));
    drain.report(DRAINED);
    expect(await drain.exitCode).to.equal(0);
    expect(drain.lines).to.deep.equal([
      'node/node-3 cordoned: no new work is placed on it',
      'node/node-3 plan: 1 service alloc, 1 task, 1 volume',
      'counter-0-a → node-1: placed',
      'counter-0-a → node-1: original suspended',
      'counter-0-a → node-1: healthy',
      'counter-0-a → node-1: routed',
      'volume/data: detached from node-3, attached to node-1 (gap 410ms)',
      'counter-0-a → node-1: original stopped (1.2s)',
      'task/batch: batch-x stopped',
      'node/node-3 drained: 1 service migrated, 1 task stopped, 1 volume handed on (8.1s)',
    ]);
    expect(drain.surroundings.err).to.equal('');
    expect(connection.watchCount).to.equal(0);
    expect(connection.closed).to.equal(true);
  });

  it('says that a replacement was lost, and where the next one is', async () => {
    const original = alloc('counter-0-a', 'node-3', WEB);
    const connection = new FakeConnection(node('node-3'), original);
    const drain = new Following('drain node-3', connection);
    await drain.settle(DRAIN_WATCHES);
    drain.report({ step: 'migrating' });
    const first = {
      strategy: 'start-first',
      startedAt: START,
      target: 'node-1',
      replacement: 'counter-0-b',
    } as const;
    connection.put(migration('counter-0-a', 'node-3', { phase: 'awaitingHealthy', ...first }));
    await drain.settle(DRAIN_WATCHES);
    const lost = { strategy: first.strategy, startedAt: START, lost: ['counter-0-b'] };
    connection.put(migration('counter-0-a', 'node-3', { phase: 'placing', ...lost }));
    await drain.settle(DRAIN_WATCHES);
    const next = { ...lost, target: 'node-2', replacement: 'counter-0-c' };
    connection.put(migration('counter-0-a', 'node-3', { phase: 'awaitingHealthy', ...next }));
    await drain.settle(DRAIN_WATCHES);
    expect(drain.lines.filter((line) => line.startsWith('counter-0-a'))).to.deep.equal([
      'counter-0-a → node-1: placed',
      'counter-0-a: its replacement counter-0-b was lost, another one is tried',
      'counter-0-a → node-2: placed',
    ]);
    drain.report(DRAINED);
    expect(await drain.exitCode).to.equal(0);
  });

  it('believes no report about an earlier generation', async () => {
    const stale = reporting(node('node-3'), DRAINED);
    const connection = new FakeConnection(stale);
    const drain = new Following('drain node-3', connection);
    await drain.settle(DRAIN_WATCHES);
    expect(drain.lines).to.deep.equal([]);
    drain.report({ ...DRAINED, attempt: 1 });
    expect(await drain.exitCode).to.equal(0);
  });

  it('says of a node that is drained already that it is, changes nothing, and exits 0', async () => {
    const connection = new FakeConnection(reporting(node('node-3', { drain: true }), DRAINED));
    const drain = new Following('drain node-3', connection);
    expect(await drain.exitCode).to.equal(0);
    expect(drain.lines).to.deep.equal(['node/node-3 is drained already']);
    expect(connection.writes).to.deep.equal([]);
  });

  it('that fails exits 1, names service, alloc and reason on the first line, and says what to do', async () => {
    const drain = new Following('drain node-3', new FakeConnection(node('node-3')));
    await drain.settle(DRAIN_WATCHES);
    drain.report({ step: 'failed', failures: [FAILURE, { ...FAILURE, alloc: 'web-1' }] });
    expect(await drain.exitCode).to.equal(1);
    const lines = drain.surroundings.err.split('\n');
    expect(lines[0]).to.equal(
      'mill: drain of node-3 failed: service "web": alloc web-0: ReplacementFailed: it exited with 1',
    );
    expect(lines[1]).to.match(/^mill: drain of node-3 failed: service "web": alloc web-1/);
    expect(drain.surroundings.err).to.include('mill undrain node-3');
  });

  it('that failed is tried again with the next attempt, and the old failure is not taken for the new', async () => {
    const failed = reporting(node('node-3', { drain: true }), { step: 'failed', failures: [FAILURE] });
    const connection = new FakeConnection(failed);
    const drain = new Following('drain node-3', connection);
    await drain.settle(DRAIN_WATCHES);
    expect(connection.writes).to.deep.equal([
      'patch Node/node-3 {"spec":{"drain":true,"drainPolicy":{"attempt":2}}}',
    ]);
    drain.report(DRAINED);
    expect(await drain.exitCode).to.equal(0);
    expect(drain.surroundings.err).to.equal('');
  });

  it('that somebody cancels exits 1 and says so', async () => {
    const connection = new FakeConnection(node('node-3'));
    const drain = new Following('drain node-3 -o json', connection);
    await drain.settle(DRAIN_WATCHES);
    await connection.patch('Node', 'node-3', { spec: { drain: false } });
    expect(await drain.exitCode).to.equal(1);
    expect(JSON.parse(drain.lines.at(-1) ?? '')).to.include({ node: 'node-3', result: 'cancelled' });
    expect(drain.surroundings.err).to.match(/^mill: drain of node-3 was cancelled/);
  });

  it('of a node that is removed meanwhile says so', async () => {
    const connection = new FakeConnection(node('node-3'));
    const drain = new Following('drain node-3 -o json', connection);
    await drain.settle(DRAIN_WATCHES);
    connection.remove('Node', 'node-3');
    expect(await drain.exitCode).to.equal(0);
    expect(JSON.parse(drain.lines.at(-1) ?? '')).to.include({ result: 'removed' });
  });

  it('with -o json prints an object a line, with time, node and step, the last with the result', async () => {
    const drain = new Following('drain node-3 -o json', new FakeConnection(node('node-3')));
    await drain.settle(DRAIN_WATCHES);
    drain.report(DRAINED);
    expect(await drain.exitCode).to.equal(0);
    const lines = drain.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ step }) => step)).to.deep.equal(['cordoned', 'planned', 'drained']);
    for (const line of lines) expect(line).to.include({ node: 'node-3', time: START });
    expect(lines.map(({ result }) => result)).to.deep.equal([undefined, undefined, 'drained']);
  });

  it('connects again when the server restarts, says so, and goes on', async () => {
    const connection = new FakeConnection(node('node-3'));
    const drain = new Following('drain node-3', connection, { holdsTime: true });
    await drain.settle(DRAIN_WATCHES);
    connection.breakDown(true);
    await drain.settle(0);
    drain.surroundings.passTime();
    await drain.settle(0);
    expect(drain.surroundings.err).to.match(
      /^connection to .* lost \(connection refused\); trying again for 60s…\n$/,
    );
    connection.isAway = false;
    drain.surroundings.passTime();
    await drain.settle(DRAIN_WATCHES);
    expect(drain.surroundings.err).to.match(/\nconnected to .* again\n$/);
    drain.report(DRAINED);
    expect(await drain.exitCode).to.equal(0);
  });

  it('does not mind a watch that breaks while the server is there', async () => {
    const connection = new FakeConnection(node('node-3'));
    const drain = new Following('drain node-3', connection);
    await drain.settle(DRAIN_WATCHES);
    connection.breakDown();
    drain.report(DRAINED);
    expect(await drain.exitCode).to.equal(0);
    expect(drain.surroundings.err).to.equal('');
  });

  it('gives up after a minute without the server: exit 3, and the drain goes on', async () => {
    const connection = new FakeConnection(node('node-3'));
    const drain = new Following('drain node-3', connection);
    await drain.settle(DRAIN_WATCHES);
    const fromMs = drain.surroundings.nowMs;
    connection.breakDown(true);
    expect(await drain.exitCode).to.equal(3);
    expect(drain.surroundings.nowMs - fromMs).to.be.within(60_000, 90_000);
    expect(drain.surroundings.err).to.include('The drain goes on: "mill drain node-3" follows it');
    expect(drain.surroundings.err).to.match(/mill: cannot reach the server at .*: connection refused; .*\n$/);
  });

  it('on Ctrl-C stops following with exit code 130, and says that the drain goes on', async () => {
    const connection = new FakeConnection(node('node-3'));
    const drain = new Following('drain node-3', connection);
    await drain.settle(DRAIN_WATCHES);
    for (const interrupt of drain.surroundings.interrupts) interrupt();
    expect(await drain.exitCode).to.equal(130);
    expect(drain.surroundings.err).to.include('"mill undrain node-3" cancels it');
    expect(drain.surroundings.interrupts.size).to.equal(0);
    expect((await connection.get('Node', 'node-3')).spec.drain).to.equal(true);
  });

  it('sends the flags that were given, and no others', async () => {
    const cases: [string, object][] = [
      ['--max-parallel 3 --reason disk', { maxParallel: 3, reason: 'disk' }],
      ['--deadline 10m', { deadline: '10m' }],
      ['--force', { deadline: '0s', onDeadline: 'force' }],
      ['--force --deadline 5m --task-grace 30s', { deadline: '5m', onDeadline: 'force', taskGrace: '30s' }],
    ];
    for (const [flags, drainPolicy] of cases) {
      const connection = new FakeConnection(node('node-3'));
      const drain = new Following(`drain node-3 --detach ${flags}`, connection);
      expect(await drain.exitCode).to.equal(0);
      expect(connection.writes).to.deep.equal([
        `patch Node/node-3 ${JSON.stringify({ spec: { drain: true, drainPolicy } })}`,
      ]);
      expect(drain.lines).to.have.length(1);
    }
  });

  it('says so where an older policy stops services by force', async () => {
    const drainPolicy = {
      maxParallel: 1,
      onDeadline: 'force',
      deadline: '0s',
      taskGrace: '0s',
      attempt: 1,
    } as const;
    const drain = new Following('drain node-3 --detach', new FakeConnection(node('node-3', { drainPolicy })));
    await drain.exitCode;
    expect(drain.surroundings.err).to.match(
      /^note: the drain policy of node-3 stops what has not moved after 0s/,
    );
  });

  it('drains several nodes at a time; the exit code is the worst', async () => {
    const connection = new FakeConnection(node('node-2'), node('node-3'));
    const drain = new Following('drain node-2 node-3 nope', connection);
    await drain.settle(DRAIN_WATCHES);
    drain.report(DRAINED, 'node-2');
    drain.report({ step: 'failed', failures: [FAILURE] }, 'node-3');
    expect(await drain.exitCode).to.equal(1);
    expect(drain.surroundings.out).to.include('node/node-2 drained: ');
    expect(drain.surroundings.err).to.match(/^mill: node "nope" not found\n/);
    expect(drain.surroundings.err).to.include('mill: drain of node-3 failed');
  });

  it('leaves out what belongs to an earlier drain', async () => {
    const old = { phase: 'cancelled', finishedAt: BEFORE } as const;
    const ended = alloc('batch-old', 'node-3', BATCH, { phase: 'stopped', finishedAt: BEFORE });
    const connection = new FakeConnection(node('node-3'), migration('web-0', 'node-3', old), ended);
    const drain = new Following('drain node-3', connection);
    await drain.settle(DRAIN_WATCHES);
    drain.report(DRAINED);
    await drain.exitCode;
    expect(drain.surroundings.out).to.not.match(/web-0|batch-old/);
  });

  it('on a terminal rewrites its lines, and leaves the last state standing', async () => {
    const connection = new FakeConnection(node('node-3'));
    const drain = new Following('drain node-3 --no-color', connection, { isTTY: true });
    await drain.settle(DRAIN_WATCHES);
    drain.report({ step: 'migrating' });
    await drain.settle(DRAIN_WATCHES);
    expect(drain.surroundings.out).to.include(
      'node/node-3 migrating  services 0/1  tasks 0/1  volumes 0/1\n',
    );
    drain.report(DRAINED);
    expect(await drain.exitCode).to.equal(0);
    expect(drain.surroundings.out).to.include('\u001b[1A\u001b[J');
    expect(drain.lines.at(-1)).to.include('node/node-3 drained: ');
  });

  it('with --dry-run prints the plan, changes nothing, and exits 1 where something has no place', async () => {
    const connection = new FakeConnection(node('node-3'));
    const plan = {
      kind: 'DrainPlan',
      node: 'node-3',
      volumes: [{ volume: 'idle', action: 'detach' }],
      services: [{ service: 'web', alloc: 'web-0', strategy: 'start-first', target: 'node-1' }],
      tasks: [{ task: 'batch', alloc: 'batch-x' }],
    };
    const path = 'GET /apis/mill.dev/v1alpha1/nodes/node-3/drainplan';
    connection.answers.set(path, plan);
    const good = new Following('drain node-3 --dry-run', connection);
    expect(await good.exitCode).to.equal(0);
    expect(good.surroundings.out).to.match(/service\/web +web-0 +move +to node-1/);
    const stuck = {
      service: 'db',
      alloc: 'db-0',
      strategy: 'stop-first',
      reasons: ['node-1 is full', 'node-2 is down'],
    };
    connection.answers.set(path, { ...plan, services: [...plan.services, stuck] });
    const bad = new Following('drain node-3 --dry-run', connection);
    expect(await bad.exitCode).to.equal(1);
    expect(bad.surroundings.err).to.equal(
      'mill: service "db": alloc db-0 has no place: node-1 is full; node-2 is down\n',
    );
    expect(connection.writes).to.deep.equal([]);
  });
});
