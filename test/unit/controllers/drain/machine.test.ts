import { expect } from 'chai';
import type { Alloc } from '../../../../api/kinds/alloc.ts';
import type { Facts } from '../../../../controllers/drain/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/drain/machine.ts';
import type { ServiceAllocs } from '../../../../controllers/drain/services.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { alloc } from '../../../vocabulary/objects.ts';

const one = alloc('web-0-a');
const failure = { service: 'web', alloc: 'web-0-a', reason: 'NoPlace', message: 'no place' };
const NOTHING: ServiceAllocs = {
  remaining: 0,
  open: [],
  failed: [],
  moving: [],
  draining: [],
  toCancel: [],
  spent: [],
  toForce: [],
};
const open = { services: { ...NOTHING, remaining: 1, open: [one], toForce: ['web-0-a'] } };
const moving = {
  services: { ...open.services, moving: ['web-0-a'], draining: ['web-0-a'], toCancel: ['web-0-a'] },
};
const failed = { services: { ...NOTHING, remaining: 1, failed: [failure], toForce: ['web-0-a'] } };
const leaving = { services: { ...NOTHING, remaining: 1, open: [one] } };
const idle = { volumes: { here: ['data'], idle: ['data'], toRelease: ['data'], failed: [] } };
const detaching = { volumes: { here: ['data'], idle: ['data'], toRelease: [], failed: [] } };
const stuck = { volumes: { here: ['data'], idle: [], toRelease: [], failed: [failure] } };
const inUse = { volumes: { here: ['data'], idle: [], toRelease: [], failed: [] } };
const tasks = { tasks: ['job-a'], tasksToStop: ['job-a'] };
const late = { deadlineMs: 1, isDeadlineOver: true };

const facts = (part: Partial<Facts>): Facts => ({
  node: 'node-1',
  isWanted: true,
  isUnschedulable: false,
  isRemembered: true,
  isStarted: true,
  isChecked: true,
  isFinished: false,
  noPlace: [],
  services: NOTHING,
  toMove: [],
  heldUp: [],
  hasMoved: false,
  volumes: { here: [], idle: [], toRelease: [], failed: [] },
  tasks: [],
  tasksToStop: [],
  tasksUntilMs: undefined,
  isTaskGraceOver: true,
  deadlineMs: undefined,
  isDeadlineOver: false,
  onDeadline: 'fail',
  changesAtMs: undefined,
  ...part,
});
const decide = (part: Partial<Facts>) => {
  const { state, commands } = climb<State, Command>(machine, facts(part));
  return { state, commands: commands.map((command) => command.type) };
};

/** Tens of thousands of combinations; a machine that is busy with other things takes its time. */
const MOST_MS = 60_000;

describe('the drain machine', () => {
  const cases: readonly [string, Partial<Facts>, State, readonly Command['type'][]][] = [
    ['leaves a node alone that no one drains', { isWanted: false, isRemembered: false }, 'idle', []],
    [
      'records when it began',
      { isStarted: false, isChecked: false },
      'cordoning',
      ['announceStart', 'deleteMigrations'],
    ],
    ['checks on paper', { isChecked: false, ...open }, 'checkingFeasibility', []],
    [
      'says at once what has no place',
      { isChecked: false, ...open, noPlace: [failure] },
      'checkingFeasibility',
      ['announceNoPlace'],
    ],
    [
      'releases what nobody uses',
      { ...open, ...idle, toMove: [one] },
      'detachingVolumes',
      ['releaseVolumes'],
    ],
    ['waits until it is detached', { ...open, ...detaching, toMove: [one] }, 'detachingVolumes', []],
    [
      'is not held up by a volume that cannot be detached',
      { ...open, ...stuck, toMove: [one] },
      'migrating',
      ['deleteMigrations', 'createMigrations'],
    ],
    [
      'is not held up by a volume that became idle on the way',
      { ...open, ...idle, hasMoved: true, toMove: [one] },
      'migrating',
      ['deleteMigrations', 'createMigrations'],
    ],
    [
      'moves services',
      { ...open, ...tasks, toMove: [one] },
      'migrating',
      ['deleteMigrations', 'createMigrations'],
    ],
    ['waits for those on the move', { ...moving, ...tasks }, 'migrating', []],
    ['waits for one that leaves by itself', { ...leaving, ...tasks }, 'migrating', []],
    [
      'waits for a move whose original is gone',
      { services: { ...NOTHING, moving: ['web-0-a'] }, ...tasks },
      'migrating',
      [],
    ],
    ['lets tasks go on for their grace', { ...tasks, isTaskGraceOver: false }, 'stoppingTasks', []],
    ['stops tasks then', tasks, 'stoppingTasks', ['stopTasks']],
    ['waits until they are over', { tasks: ['job-a'] }, 'stoppingTasks', []],
    ['stops tasks although a move failed', { ...failed, ...tasks }, 'stoppingTasks', ['stopTasks']],
    ['releases the volumes of tasks', idle, 'detachingVolumes', ['releaseVolumes']],
    [
      'releases what became idle on the way',
      { ...idle, hasMoved: true },
      'releasingVolumes',
      ['releaseVolumes'],
    ],
    ['is drained when nothing is left', {}, 'drained', ['announceDrained']],
    ['says so once', { isFinished: true }, 'drained', []],
    ['has failed when a move failed', failed, 'failed', ['announceFailure']],
    ['has failed when a volume cannot be detached', stuck, 'failed', ['announceFailure']],
    ['has failed when a volume stays with its alloc', { ...failed, ...inUse }, 'failed', ['announceFailure']],
    ['calls moves off at the deadline', { ...moving, ...late }, 'callingOff', ['cancelMigrations']],
    [
      'waits until they are undone',
      { services: { ...moving.services, toCancel: [] }, ...late },
      'callingOff',
      [],
    ],
    [
      'has failed at the deadline, and leaves tasks alone',
      { ...open, ...late, ...tasks },
      'failed',
      ['announceFailure'],
    ],
    [
      'goes on after the deadline when services are gone',
      { ...late, ...tasks },
      'stoppingTasks',
      ['stopTasks'],
    ],
    [
      'forces at the deadline',
      { ...moving, ...late, onDeadline: 'force' },
      'forcingServices',
      ['forceServices'],
    ],
    [
      'forces what failed to move',
      { ...failed, ...late, onDeadline: 'force' },
      'forcingServices',
      ['forceServices'],
    ],
    [
      'forces even if an idle volume does not go',
      { ...open, ...detaching, ...late, onDeadline: 'force' },
      'forcingServices',
      ['forceServices'],
    ],
    [
      'waits until what was forced is over',
      { ...leaving, ...late, onDeadline: 'force' },
      'forcingServices',
      [],
    ],
    [
      'waits with what failed for the deadline that forces',
      { ...failed, deadlineMs: 1, onDeadline: 'force' },
      'migrating',
      [],
    ],
    ['without a deadline forces nothing', { ...failed, onDeadline: 'force' }, 'failed', ['announceFailure']],
    ['cancelled: calls moves off', { isWanted: false, ...moving }, 'cancelling', ['cancelMigrations']],
    [
      'cancelled: clears its traces',
      { isWanted: false, services: { ...NOTHING, spent: ['web-0-a'] } },
      'clearing',
      ['deleteMigrations'],
    ],
    ['cancelled: is over', { isWanted: false }, 'idle', ['announceCancelled']],
  ];
  for (const [name, part, state, commands] of cases) {
    it(name, () => expect(decide(part)).to.deep.equal({ state, commands }));
  }

  it('in every combination of facts commands no more than its state allows', function () {
    this.timeout(MOST_MS);
    const seen = new Set<State>();
    for (const each of everyCombination()) {
      const { state, commands } = climb<State, Command>(machine, each);
      const types = commands.map((command) => command.type);
      seen.add(state);
      const message = JSON.stringify({ state, types, each });
      const { services, volumes } = each;
      if (state === 'drained') {
        expect(services.remaining + each.tasks.length + volumes.here.length, message).to.equal(0);
      }
      if (types.includes('stopTasks')) expect(services.open, message).to.have.length(0);
      if (types.includes('forceServices')) {
        expect(each.isDeadlineOver && each.onDeadline === 'force', message).to.equal(true);
      }
      if (types.includes('createMigrations')) {
        expect(each.isWanted && each.isChecked && !each.isDeadlineOver, message).to.equal(true);
      }
      if (!each.isWanted) expect(CANCELLING, message).to.include.members(types);
      if (types.length === 0) expect(awaited(state, each), message).not.to.equal(undefined);
    }
    expect(seen.size).to.equal(13);
  });
});

const CANCELLING: readonly Command['type'][] = ['cancelMigrations', 'deleteMigrations', 'announceCancelled'];

/** Whom a state without a command waits for. */
function awaited(state: State, { services, volumes, isFinished, ...rest }: Facts): string | undefined {
  switch (state) {
    case 'idle':
      return rest.isRemembered ? undefined : 'nobody: it is an end';
    case 'checkingFeasibility':
      return 'its own report';
    case 'detachingVolumes':
    case 'releasingVolumes':
      return volumes.idle.length > 0 ? 'the volume controller' : undefined;
    case 'migrating':
      if (services.moving.length > 0) return 'the migration controller';
      if (services.open.length > 0) return 'other moves of the services, or the agents';
      return services.failed.length > 0 && rest.deadlineMs !== undefined ? 'the deadline' : undefined;
    case 'callingOff':
    case 'cancelling':
      return services.draining.length > 0 ? 'the migration controller' : undefined;
    case 'forcingServices':
      return services.remaining > 0 ? 'the agents' : undefined;
    case 'stoppingTasks':
      return rest.tasks.length > 0 ? 'the agents, or the grace' : undefined;
    case 'drained':
    case 'failed':
      return isFinished ? 'nobody: it is an end' : undefined;
    default:
      return undefined;
  }
}

function* everyCombination(): Generator<Facts> {
  const over = { services: { ...NOTHING, moving: ['web-0-a'] } };
  const spent = { services: { ...NOTHING, spent: ['web-0-a'] } };
  const both = [false, true];
  for (const services of [{}, open, moving, failed, leaving, over, spent])
    for (const volumes of [{}, idle, detaching, stuck, inUse])
      for (const [isWanted, isRemembered, isStarted, isChecked, isFinished] of RECORDS)
        for (const some of [{}, tasks, { tasks: ['job-a'] }])
          for (const isTaskGraceOver of both)
            for (const hasMoved of both)
              for (const deadline of [{}, { deadlineMs: 1 }, late])
                for (const onDeadline of ['fail', 'force'] as const)
                  for (const toMove of services === open ? [[], [one]] : [[]])
                    yield facts({
                      ...services,
                      ...volumes,
                      ...some,
                      ...deadline,
                      isWanted,
                      isRemembered,
                      isStarted,
                      isChecked,
                      isFinished,
                      isTaskGraceOver,
                      hasMoved,
                      onDeadline,
                      toMove: toMove as readonly Alloc[],
                    });
}

/** What can be on record: wanted, remembered, started, checked, finished. */
const RECORDS = [
  [false, false, false, false, false],
  [false, true, true, true, true],
  [true, false, false, false, false],
  [true, true, false, false, false],
  [true, true, true, false, false],
  [true, true, true, true, false],
  [true, true, true, true, true],
] as const;
