import { expect } from 'chai';
import { isTerminal } from '../../api/kinds/alloc.ts';
import { startTraffic } from '../../hack/demo/traffic.ts';
import { counter, endlessTask, web } from './fleet.ts';
import { collect, freePort, Mill } from './mill.ts';

/** Steps of a drain as objects show them; the drain is cancelled as soon as each is seen. */
const STAGES: readonly [string, (mill: Mill) => Promise<unknown>][] = [
  ['at once', async () => undefined],
  [
    'when the plan is made',
    (mill) => untilStep(mill, ['detachingVolumes', 'migrating', 'stoppingTasks', 'drained']),
  ],
  [
    'when the first migration begins',
    (mill) => mill.until('Migration', 'a migration', (all) => all.length > 0),
  ],
  [
    'when a replacement is placed',
    (mill) =>
      mill.until('Alloc', 'a replacement', (all) =>
        all.some((alloc) => alloc.spec.replaces && !isTerminal(alloc)),
      ),
  ],
  [
    'when the volume moves',
    (mill) =>
      mill.until('Volume', 'a moving volume', (all) => all.some(({ spec }) => spec.node !== 'node-3')),
  ],
  [
    'when an original stops',
    (mill) => mill.until('Migration', 'a migrated one', (all) => all.some((m) => m.status.phase === 'done')),
  ],
  ['when tasks are stopped', (mill) => untilStep(mill, ['stoppingTasks', 'drained'])],
  ['when it is drained', (mill) => untilStep(mill, ['drained'])],
];

describe('mill undrain', function () {
  this.timeout(240_000);

  it('leads back to a schedulable node from every stage of a drain, with nothing lost or doubled', async () => {
    const mill = await Mill.start();
    try {
      const [webPort, counterPort] = [await freePort(), await freePort()];
      await mill.apply(web('web', { gatewayPort: webPort, env: { DELAY_MS: '20' } }));
      await mill.untilHealthy('web');
      await mill.apply(...counter(counterPort, 'node-3'));
      await mill.untilHealthy('counter');
      const counts: number[] = [];
      const clients = [
        startTraffic({ url: `http://127.0.0.1:${webPort}/`, keepAlive: true, pauseMs: 2 }),
        startTraffic({ url: `http://127.0.0.1:${webPort}/`, keepAlive: false, pauseMs: 2 }),
        startTraffic({
          url: `http://127.0.0.1:${counterPort}/next`,
          keepAlive: true,
          pauseMs: 2,
          onBody: (body) => counts.push(Number(body)),
        }),
      ];
      for (const [index, [, reached]] of STAGES.entries()) {
        await mill.apply(endlessTask(`report-${index}`));
        const drain = mill.start(['drain', 'node-3']);
        const followed = collect(drain);
        await mill.until('Node', 'the drain', (nodes) => nodes.some(({ spec }) => spec.drain));
        await reached(mill);
        await mill.ok('undrain', 'node-3');
        await followed;
        const node = await mill.get('Node', 'node-3');
        expect(node.status.phase).to.equal('ready');
        expect(node.spec).to.include({ drain: false, unschedulable: false });
        await mill.untilHealthy('web', 'counter');
        await mill.until('Alloc', 'one alloc a slot', (allocs) => {
          const active = allocs.filter((alloc) => !isTerminal(alloc) && alloc.spec.owner.kind === 'Service');
          return active.length === 4;
        });
        // What the last stage moved away is brought back, so that each stage begins alike.
        await bringBack(mill);
      }
      await Promise.all(clients.map((client) => client.stop()));
      expect(clients.flatMap((client) => client.failures)).to.deep.equal([]);
      expect(counts).to.deep.equal(counts.map((_, index) => (counts[0] ?? 0) + index));
    } finally {
      await mill.close();
    }
  });
});

/** Drains the other two in turn, so that node-3 has a web replica and the volume again. */
async function bringBack(mill: Mill): Promise<void> {
  await mill.ok('cordon', 'node-1');
  await mill.ok('drain', 'node-2');
  await mill.ok('undrain', 'node-2');
  await mill.ok('uncordon', 'node-1');
  await mill.ok('cordon', 'node-2');
  await mill.ok('drain', 'node-1');
  await mill.ok('undrain', 'node-1');
  await mill.ok('uncordon', 'node-2');
}

const untilStep = (mill: Mill, steps: readonly string[]) =>
  mill.until('Node', `step ${steps[0]}`, (nodes) =>
    nodes.some(({ status }) => steps.includes(status.drain?.step ?? '')),
  );
