import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import type { Alloc } from '../../../../api/kinds/alloc.ts';
import { silentLog } from '../../../../api/log.ts';
import { createAllocController } from '../../../../controllers/alloc/controller.ts';
import { machine } from '../../../../controllers/alloc/machine.ts';
import { Supervisor } from '../../../../controllers/alloc/supervisor.ts';
import { createPortAllocator } from '../../../../runtime/ports.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import { alloc } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';
import { seededRandom, type World } from '../../../vocabulary/world.ts';
import { PlayedWorkloads } from './played-workloads.ts';

interface Outside {
  readonly driver: PlayedWorkloads;
  readonly supervisor: Supervisor;
}
type Spec = Partial<Alloc['spec']>;
type Status = Partial<Alloc['status']>;

const NAME = 'web-0-a';
const volumes = [{ name: 'data', volume: 'data', path: 'data' }];
const started = { startedAt: timestamp(START_MS) };
const healthy = { phase: 'healthy', healthyAt: timestamp(START_MS), route: 'routed', ...started } as const;
const web = (spec: Spec = {}, status: Status = {}) => alloc(NAME, spec, status);
const stopped = { desired: 'stopped' } as const;
const suspended = { desired: 'suspended' } as const;

const nothing = async ({ driver, supervisor }: Outside) => {
  const removed = supervisor.remove(NAME);
  driver.letGo();
  await removed;
  driver.letGo();
};
/** Adopted as its object says; `ending`: it was told to end for that, and does not. */
const runs =
  (object: Alloc, ending?: 'suspended' | 'stopped', isStubborn = ending !== undefined) =>
  async (outside: Outside) => {
    await nothing(outside);
    const { driver, supervisor } = outside;
    supervisor.recover([driver.running(NAME)]);
    driver.isStubborn = isStubborn;
    supervisor.adopt(() => object);
    if (ending) supervisor.stop(NAME, 10_000, ending);
  };
const ended = (object: Alloc) => async (outside: Outside) => {
  await runs(object)(outside);
  outside.driver.letGo();
};
const starts = (object: Alloc) => async (outside: Outside) => {
  await nothing(outside);
  outside.driver.isSlow = true;
  outside.supervisor.start(object, []);
};
const phaseIs = (phase: Alloc['status']['phase']) => (world: World) =>
  expect(world.get('Alloc', NAME).status.phase).to.equal(phase);

const here = {
  served: web({}, healthy),
  running: web({}, { phase: 'running', ...started }),
  routed: web(stopped, healthy),
  unrouted: web(stopped, { ...healthy, route: 'unrouted' }),
  resting: web(suspended, { ...healthy, route: 'unrouted' }),
  over: web({}, { phase: 'failed', ...started }),
  unknown: web({ ports: ['http'] }),
};

describePaths('the ways of the alloc controller', {
  machine,
  key: NAME,
  stage({ clock, environment }) {
    const driver = new PlayedWorkloads();
    const random = seededRandom();
    const supervisor = new Supervisor({
      address: '127.0.0.1',
      driver,
      ports: createPortAllocator({ address: '127.0.0.1', random }),
      clock,
      random,
      log: silentLog,
      inherited: {},
      // Whether it is healthy is what its object says: no probe comes to an end.
      probe: () => new Promise(() => {}),
    });
    const mounts = { directory: () => undefined, problem: () => undefined, onChange: () => {} };
    const reader = environment.source.state;
    const controller = createAllocController({ node: 'node-1', supervisor, mounts, reader });
    return { controller, driver, supervisor, effects: driver.calls };
  },
  situations: [
    { when: 'it is new', state: 'starting', rests: 'probing', objects: [web()], outside: nothing },
    { when: 'it is being started', state: 'starting', objects: [web()], outside: starts(web()) },
    {
      when: 'its volume is not there',
      state: 'awaitingVolumes',
      objects: [web({ template: { ...web().spec.template, volumes } })],
      outside: nothing,
    },
    { when: 'it runs', state: 'probing', objects: [here.running], outside: runs(here.running) },
    {
      when: 'it is healthy, and wanted',
      state: 'healthy',
      objects: [here.served],
      outside: runs(here.served),
      after: phaseIs('healthy'),
      never: ['stop'],
    },
    {
      when: 'it ended by itself',
      state: 'ended',
      rests: 'over',
      objects: [here.running],
      outside: ended(here.running),
    },
    {
      when: 'it should run and is nowhere',
      state: 'ended',
      rests: 'over',
      objects: [here.running],
      outside: nothing,
    },
    {
      when: 'it is to stop and is still routed',
      state: 'unrouting',
      objects: [here.routed],
      outside: runs(here.routed),
      after: phaseIs('healthy'),
      never: ['stop'],
    },
    {
      when: 'it is to stop and is not routed any more',
      state: 'stopping',
      rests: 'over',
      objects: [here.unrouted],
      outside: runs(here.unrouted),
      after: phaseIs('stopped'),
    },
    {
      when: 'it is to stop and takes its time',
      state: 'stopping',
      objects: [here.unrouted],
      outside: runs(here.unrouted, 'stopped'),
    },
    {
      when: 'it is to be suspended and is not routed any more',
      state: 'stopping',
      rests: 'suspended',
      objects: [here.resting],
      outside: runs(here.resting),
      after: phaseIs('suspended'),
    },
    {
      when: 'it is suspended',
      state: 'suspended',
      objects: [web(suspended, { phase: 'suspended', suspendedAt: timestamp(START_MS) })],
      outside: nothing,
    },
    {
      when: 'it is to stop and never ran',
      state: 'stopped',
      rests: 'over',
      objects: [web(stopped)],
      outside: nothing,
      after: phaseIs('stopped'),
    },
    {
      when: 'it is wanted again before its process has ended',
      state: 'ending',
      objects: [here.running],
      outside: runs(here.running, 'suspended'),
    },
    { when: 'it is over', state: 'over', objects: [here.over], outside: nothing },
    {
      when: 'it is over and still runs',
      state: 'clearing',
      isFinal: true,
      rests: 'over',
      objects: [here.over],
      outside: runs(here.over),
    },
    {
      when: 'its process is one that nobody can reach',
      state: 'clearing',
      isFinal: true,
      objects: [here.unknown],
      outside: runs(here.unknown, undefined, true),
    },
  ],
});
