/** `Task`: a workload that runs once, to its end. It never moves: a drain stops it. */
import { type Static, Type } from '@sinclair/typebox';
import { Duration } from '../duration.ts';
import { described, literals, Name, OBSERVED_GENERATION, type Resource, Timestamp } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';
import { Placement, Template } from './template.ts';

const strict = { additionalProperties: false } as const;

const TaskSpec = Type.Object(
  {
    template: Template,
    timeout: Type.Optional(Duration({ description: 'it is stopped, and has failed, when it runs longer' })),
    placement: Type.Optional(Placement),
  },
  strict,
);
export type TaskSpec = Static<typeof TaskSpec>;

const TASK_PHASES = ['pending', 'running', 'succeeded', 'failed', 'stopped'] as const;
export type TaskPhase = (typeof TASK_PHASES)[number];

const TaskStatus = Type.Object(
  {
    phase: literals(TASK_PHASES, { description: 'how far it is; the last three are its ends' }),
    alloc: Type.Optional(described(Name, 'the one alloc that it ever gets')),
    node: Type.Optional(described(Name, 'where it runs or ran')),
    exitCode: Type.Optional(Type.Integer({ description: 'exit code of its process' })),
    message: Type.Optional(
      Type.String({ maxLength: 4_096, description: 'why it waits, failed or was stopped' }),
    ),
    startedAt: Type.Optional(described(Timestamp, 'start of its process')),
    finishedAt: Type.Optional(described(Timestamp, 'end of its process')),
    observedGeneration: Type.Optional(Type.Integer({ description: OBSERVED_GENERATION })),
  },
  strict,
);
export type TaskStatus = Static<typeof TaskStatus>;
export type Task = Resource<'Task', TaskSpec, TaskStatus>;

export const taskKind: KindDefinition<Task> = {
  kind: 'Task',
  plural: 'tasks',
  singular: 'task',
  shortNames: [],
  description: 'a workload that runs once, to its end',
  spec: TaskSpec,
  status: TaskStatus,
  initialStatus: { phase: 'pending' },
  indexes: { volume: (task) => (task.spec.template.volumes ?? []).map((mount) => mount.volume) },
  fields: { 'status.phase': (task) => task.status.phase },
  columns: [
    { name: 'Phase', description: 'what it is doing', value: (task) => task.status.phase },
    { name: 'Node', description: 'where it runs or ran', value: (task) => task.status.node ?? '-' },
    { name: 'Exit', description: 'exit code', value: (task) => task.status.exitCode ?? '-' },
    ageColumn(),
    { name: 'Message', wide: true, description: 'why', value: (task) => task.status.message ?? '' },
  ],
  finalizers: ['mill.dev/task'],
};
