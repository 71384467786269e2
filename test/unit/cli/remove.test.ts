import { expect } from 'chai';
import { invalid } from '../../../api/errors.ts';
import { FakeConnection } from './fake-connection.ts';
import { Following } from './following.ts';
import { DRAINED, migration, node, peer, reporting } from './objects.ts';

const WATCHES = 2;
const REFUSAL = 'node still has active allocations: web-0, web-1';

describe('mill remove', () => {
  it('follows until the node and its peer are gone', async () => {
    const connection = new FakeConnection(node('node-3'), peer('node-3'));
    const remove = new Following('remove node-3 -o json', connection);
    await remove.settle(WATCHES);
    connection.remove('Node', 'node-3');
    await remove.settle(WATCHES);
    expect(remove.surroundings.out).to.not.include('"result"');
    connection.remove('Peer', 'node-3');
    expect(await remove.exitCode).to.equal(0);
    expect(connection.writes).to.deep.equal(['patch Node/node-3 {"spec":{"removed":true}}']);
    const steps = remove.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(steps.map(({ step }) => step)).to.deep.equal(['removing', 'deleted', 'unpeered', 'removed']);
    expect(steps.at(-1)).to.include({ result: 'removed', node: 'node-3' });
  });

  it('that is refused exits 1, with the reason on one line, and nothing changed', async () => {
    const connection = new FakeConnection(node('node-3'));
    connection.refuse = () => {
      throw invalid('Node', 'node-3', [{ field: 'spec.removed', message: REFUSAL }]);
    };
    const remove = new Following('remove node-3', connection);
    expect(await remove.exitCode).to.equal(1);
    expect(remove.surroundings.err).to.equal(`mill: node "node-3": ${REFUSAL}\n`);
    expect(remove.surroundings.out).to.equal('');
    const json = new Following('remove node-3 -o json', connection);
    expect(await json.exitCode).to.equal(1);
    expect(JSON.parse(json.lines.at(-1) ?? '')).to.include({
      result: 'failed',
      message: `node "node-3": ${REFUSAL}`,
    });
  });

  it('with --drain drains first, and leaves nodes whose drain failed', async () => {
    const connection = new FakeConnection(node('node-2'), node('node-3'));
    const remove = new Following('remove node-2 node-3 --drain -o json', connection);
    await remove.settle(4);
    remove.report(DRAINED, 'node-3');
    remove.report({ step: 'failed', failures: [] }, 'node-2');
    await remove.settle(WATCHES);
    for (
      let turn = 0;
      !connection.writes.some((write) => write.includes('removed')) && turn < 1_000;
      turn++
    ) {
      await remove.settle(0);
    }
    await remove.settle(WATCHES);
    connection.remove('Node', 'node-3');
    expect(await remove.exitCode).to.equal(1);
    expect(connection.writes.filter((write) => write.includes('removed'))).to.deep.equal([
      'patch Node/node-3 {"spec":{"removed":true}}',
    ]);
    expect(JSON.parse(remove.lines.at(-1) ?? '')).to.include({ node: 'node-3', result: 'removed' });
    expect((await connection.get('Node', 'node-2')).spec.removed).to.equal(false);
  });

  it('of a node that is not there exits 1', async () => {
    const remove = new Following('remove node-9', new FakeConnection());
    expect(await remove.exitCode).to.equal(1);
    expect(remove.surroundings.err).to.equal('mill: node "node-9" not found\n');
  });
});

describe('mill undrain', () => {
  it('cancels, forgets force and deadline, and follows until the node is ready and nothing is under way', async () => {
    const draining = reporting(node('node-3', { drain: true }), { step: 'migrating' });
    const move = migration('web-0', 'node-3', { phase: 'awaitingHealthy' });
    const connection = new FakeConnection(draining, move);
    const undrain = new Following('undrain node-3', connection);
    await undrain.settle(WATCHES);
    expect(connection.writes).to.deep.equal([
      'patch Node/node-3 {"spec":{"drain":false,"drainPolicy":{"deadline":null,"onDeadline":null,"reason":null}}}',
    ]);
    const cancelled = await connection.get('Node', 'node-3');
    const { drain: _drain, ...status } = cancelled.status;
    const observedGeneration = cancelled.metadata.generation;
    connection.put({ ...cancelled, status: { ...status, phase: 'ready', observedGeneration } });
    await undrain.settle(WATCHES);
    expect(undrain.surroundings.out).to.not.include('ready');
    connection.put({ ...move, status: { phase: 'cancelled' } });
    expect(await undrain.exitCode).to.equal(0);
    expect(undrain.lines).to.deep.equal([
      'node/node-3 drain is off',
      'node/node-3 waits for 1 move to finish or to be undone: web-0',
      'node/node-3 ready',
    ]);
  });

  it('of a node that is not draining changes nothing', async () => {
    const connection = new FakeConnection(node('node-3'));
    const undrain = new Following('undrain node-3', connection);
    expect(await undrain.exitCode).to.equal(0);
    expect(connection.writes).to.deep.equal([]);
  });

  it('of a node that is down says so, and exits 1', async () => {
    const undrain = new Following(
      'undrain node-3',
      new FakeConnection(node('node-3', {}, { phase: 'down' })),
    );
    expect(await undrain.exitCode).to.equal(1);
    expect(undrain.surroundings.err).to.equal(
      'mill: undrain of node-3 failed: its drain is cancelled, but the node is down\n',
    );
  });
});
