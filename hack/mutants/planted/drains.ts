/** Bugs in how a node is emptied. */
import type { Mutant } from '../mutant.ts';

export const drains: readonly Mutant[] = [
  {
    name: 'drain-does-not-cordon',
    file: 'api/kinds/node.ts',
    what: 'a node that drains takes new work',
    find: "if (node.spec.drain) return 'is draining';",
    replace: "if (node.spec.drain && node.status.drain?.step === 'drained') return 'is draining';",
  },
  {
    name: 'drained-with-tasks',
    file: 'controllers/drain/machine.ts',
    what: 'a node counts as drained as soon as its tasks were told to stop',
    find: 'hasTasks: ({ context }) => context.tasks.length > 0,',
    replace: 'hasTasks: ({ context }) => context.tasksToStop.length > 0,',
  },
  {
    name: 'drained-with-services',
    file: 'controllers/drain/machine.ts',
    what: 'a node counts as drained with allocs on it whose migration failed',
    find: 'context.services.remaining + context.tasks.length + context.volumes.here.length === 0,',
    replace: 'context.services.open.length + context.tasks.length === 0,',
  },
  {
    name: 'drain-ignores-max-parallel',
    file: 'controllers/drain/moves.ts',
    what: "more of a node's allocs move at a time than drainPolicy.maxParallel",
    find: 'let free = node.spec.drainPolicy.maxParallel - services.moving.length;',
    replace: 'let free = services.open.length;',
  },
  {
    name: 'drain-keeps-idle-volumes',
    file: 'controllers/drain/volumes.ts',
    what: 'the volumes that nobody uses stay attached to a node that drains',
    find: '.filter(({ spec }) => spec.node === node)',
    replace: ".filter(({ spec }) => spec.node === '')",
  },
  {
    name: 'drain-forces-unasked',
    file: 'controllers/drain/machine.ts',
    what: 'services are stopped by force at the deadline though the policy is to fail',
    find: "isForced: ({ context }) => context.deadlineMs !== undefined && context.onDeadline === 'force',",
    replace: 'isForced: ({ context }) => context.deadlineMs !== undefined,',
  },
  {
    name: 'drain-without-timer',
    file: 'controllers/drain/controller.ts',
    what: "nobody looks again when the tasks' grace or the deadline is over",
    find: 'wakeAt: (facts) => facts.changesAtMs,',
    replace: 'wakeAt: () => undefined,',
  },
  {
    name: 'drain-stops-tasks-at-once',
    file: 'controllers/drain/machine.ts',
    what: 'tasks are stopped before their grace is over',
    find: "guard: and(['isTaskGraceOver', 'hasTasksToStop']),",
    replace: "guard: 'hasTasksToStop',",
  },
  {
    name: 'drain-stops-services-as-tasks',
    file: 'controllers/drain/facts.ts',
    what: 'what is left of the services is stopped with the tasks',
    find: "const tasks = active.filter((alloc) => alloc.spec.owner.kind === 'Task');",
    replace: "const tasks = active.filter((alloc) => alloc.spec.owner.kind !== 'Volume');",
  },
  {
    name: 'drain-not-cancelled',
    file: 'controllers/drain/machine.ts',
    what: 'the migrations of a drain that was taken back are left under way',
    find: "always: { guard: not('isDrainMoving'), target: 'clearing' },",
    replace: "always: { target: 'clearing' },",
  },
  {
    name: 'drain-remembers-failures',
    file: 'controllers/drain/services.ts',
    what: 'another attempt of a drain counts the failures of the one before',
    find: 'drain && node.status.drain?.attempt === drainPolicy.attempt && spec.attempt === drainPolicy.attempt;',
    replace: 'drain && spec.attempt <= drainPolicy.attempt;',
  },
];
