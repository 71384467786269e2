/** The status of a node: what mill reports of it and of its drain. */
import { type Static, Type } from '@sinclair/typebox';
import {
  type Condition,
  conditionSchema,
  described,
  literals,
  OBSERVED_GENERATION,
  Timestamp,
} from '../meta.ts';

const strict = { additionalProperties: false } as const;

export const NODE_CONDITIONS = [
  'Ready',
  'Cordoned',
  'VolumesDetached',
  'ServicesMigrated',
  'TasksStopped',
  'Drained',
  'Removable',
] as const;
export const NODE_REASONS = [
  'HeartbeatFresh',
  'HeartbeatMissing',
  'NeverSeen',
  'DrainRequested',
  'MarkedUnschedulable',
  'Schedulable',
  'NothingToDo',
  'InProgress',
  'Waiting',
  'Completed',
  'MigrationFailed',
  'DeadlineExceeded',
  'NotDraining',
  'ActiveAllocs',
  'AttachedVolumes',
  'Empty',
] as const;
export type NodeConditionType = (typeof NODE_CONDITIONS)[number];
export type NodeReason = (typeof NODE_REASONS)[number];
export type NodeCondition = Condition<NodeConditionType, NodeReason>;

const NODE_PHASES = ['ready', 'draining', 'down'] as const;
export type NodePhase = (typeof NODE_PHASES)[number];

/** The states of a drain, in order; `drained` and `failed` are its ends. */
const DRAIN_STEPS = [
  'cordoning',
  'checkingFeasibility',
  'detachingVolumes',
  'migrating',
  'stoppingTasks',
  'drained',
  'failed',
] as const;
export type DrainStep = (typeof DRAIN_STEPS)[number];

const DrainFailure = Type.Object(
  {
    service: Type.String({ description: 'service of the alloc that stays' }),
    alloc: Type.String({ description: 'the alloc that stays' }),
    reason: Type.String({ description: 'why it stays, in one word' }),
    message: Type.String({ description: 'why it stays, in words' }),
  },
  strict,
);
export type DrainFailure = Static<typeof DrainFailure>;
const Progress = (description: string) =>
  Type.Object(
    {
      total: Type.Integer({ description: 'how many there were when the attempt began' }),
      done: Type.Integer({ description: 'how many are not there any more' }),
      failed: Type.Optional(Type.Integer({ description: 'how many could not move; of services only' })),
    },
    { ...strict, description },
  );

const DrainStatus = Type.Object(
  {
    step: literals(DRAIN_STEPS, { description: 'how far it is; the last two are its ends' }),
    attempt: Type.Integer({ description: '`drainPolicy.attempt` that this report is of' }),
    startedAt: described(Timestamp, 'start of this attempt'),
    checkedAt: Type.Optional(
      described(Timestamp, 'when it was checked on paper that every service has a place elsewhere'),
    ),
    finishedAt: Type.Optional(described(Timestamp, 'when it was drained, or failed')),
    services: Progress('allocs of services'),
    tasks: Progress('allocs of tasks'),
    volumes: Progress('volumes attached here'),
    failures: Type.Array(DrainFailure, {
      description: 'allocs that have no place, found before anything was stopped, and migrations that failed',
    }),
  },
  { ...strict, description: 'how the drain goes; there from its first step until it is cancelled' },
);
export type DrainStatus = Static<typeof DrainStatus>;

export const NodeStatus = Type.Object(
  {
    phase: literals(NODE_PHASES, { description: 'how it is; `draining`: it is up, and to be empty' }),
    conditions: Type.Array(conditionSchema([...NODE_CONDITIONS], [...NODE_REASONS]), {
      description: 'aspects of its state, each with why it is so',
    }),
    observedGeneration: Type.Optional(Type.Integer({ description: OBSERVED_GENERATION })),
    drain: Type.Optional(DrainStatus),
    lastHeartbeat: Type.Optional(described(Timestamp, 'last heartbeat before it was found down')),
  },
  strict,
);
export type NodeStatus = Static<typeof NodeStatus>;
