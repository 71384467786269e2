import { timestamp } from '../../../../api/clock.ts';
import { createNodeHealthController } from '../../../../controllers/node-health/controller.ts';
import { machine } from '../../../../controllers/node-health/machine.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { byTheirWord } from '../../../vocabulary/lease-times.ts';
import { alloc, node, nodeLease } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';

const DOWN_AFTER_MS = 10_000;
/** Silent for just longer than a node may be, and no longer than somebody who watched would find it. */
const SILENT_SINCE = timestamp(START_MS - DOWN_AFTER_MS - 6_000);
const alive = nodeLease('node-1');
const silent = nodeLease('node-1', { renewTime: SILENT_SINCE });
const runs = alloc('web-0-a', { node: 'node-1' }, { phase: 'healthy' });

describePaths('the ways of the node-health controller', {
  machine,
  key: 'node-1',
  stage: () => ({
    controller: createNodeHealthController({
      leases: byTheirWord,
      startedAtMs: START_MS - 60 * DOWN_AFTER_MS,
      downAfterMs: DOWN_AFTER_MS,
    }),
  }),
  situations: [
    { when: 'it is heard of', state: 'ready', objects: [node('node-1'), alive, runs] },
    { when: 'it drains', state: 'draining', objects: [node('node-1', { drain: true }), alive, runs] },
    {
      when: 'it is heard of again',
      state: 'comingUp',
      rests: 'ready',
      objects: [node('node-1', {}, { phase: 'down' }), alive],
    },
    {
      when: 'it has become silent',
      state: 'goingDown',
      rests: 'down',
      objects: [node('node-1'), silent, runs],
    },
    {
      when: 'it is down and something is left on it',
      state: 'failingAllocs',
      rests: 'down',
      objects: [node('node-1', {}, { phase: 'down' }), silent, runs],
    },
    {
      when: 'it is down and nothing is left on it',
      state: 'down',
      objects: [node('node-1', {}, { phase: 'down' }), silent],
    },
    { when: 'it was never heard of', state: 'down', objects: [node('node-1', {}, { phase: 'down' })] },
  ],
});
