/** `Node`: a machine of the fleet. `drain: true` empties it, `removed: true` takes it out. */
import { type Static, Type } from '@sinclair/typebox';
import { Duration } from '../duration.ts';
import { type Condition, conditionSchema, literals, type Resource, Timestamp } from '../meta.ts';
import { bytes, cpuMillis, formatBytes, formatCpu, Quantity } from '../quantity.ts';
import type { Reader } from '../store.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';
import { usageOf } from './usage.ts';

const strict = { additionalProperties: false } as const;

const DrainPolicy = Type.Object(
  {
    /** How many of the node's services may be on the move at a time. */
    maxParallel: Type.Integer({ minimum: 1, maximum: 100, default: 1 }),
    /** From the start of the drain; none: no limit. */
    deadline: Type.Optional(Duration()),
    /** What happens to services that have not moved by the deadline: the drain fails, or they are stopped. */
    onDeadline: literals(['fail', 'force'], { default: 'fail' }),
    /** How long tasks may go on before they are stopped. */
    taskGrace: Duration('0s'),
    reason: Type.Optional(Type.String({ maxLength: 1_024 })),
    /** Any change of it makes a drain that failed try again what it could not move. */
    attempt: Type.Integer({ minimum: 1, default: 1 }),
  },
  { ...strict, default: {} },
);

const NodeSpec = Type.Object(
  {
    address: Type.String({ minLength: 1, maxLength: 253, default: '127.0.0.1' }),
    capacity: Type.Object(
      {
        cpu: Quantity('4'),
        memory: Quantity('8Gi'),
        allocs: Type.Integer({ minimum: 0, maximum: 10_000, default: 250 }),
      },
      { ...strict, default: {} },
    ),
    unschedulable: Type.Boolean({ default: false }),
    drain: Type.Boolean({ default: false }),
    removed: Type.Boolean({ default: false }),
    drainPolicy: DrainPolicy,
  },
  { ...strict, default: {} },
);
export type NodeSpec = Static<typeof NodeSpec>;

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

export const NODE_PHASES = ['ready', 'draining', 'down'] as const;
export type NodePhase = (typeof NODE_PHASES)[number];

/** The states of a drain, in order; `drained` and `failed` are its ends. */
export const DRAIN_STEPS = [
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
  { service: Type.String(), alloc: Type.String(), reason: Type.String(), message: Type.String() },
  strict,
);
export type DrainFailure = Static<typeof DrainFailure>;
const Progress = Type.Object(
  { total: Type.Integer(), done: Type.Integer(), failed: Type.Optional(Type.Integer()) },
  strict,
);

/** What a drain remembers and reports; there from its first step until it is cancelled. */
const DrainStatus = Type.Object(
  {
    step: literals(DRAIN_STEPS),
    /** `drainPolicy.attempt` that this report is of. */
    attempt: Type.Integer(),
    startedAt: Timestamp,
    /** When it was checked on paper that every service has a place elsewhere. */
    checkedAt: Type.Optional(Timestamp),
    finishedAt: Type.Optional(Timestamp),
    services: Progress,
    tasks: Progress,
    volumes: Progress,
    /** Allocs that have no place, found before anything was stopped, and migrations that failed. */
    failures: Type.Array(DrainFailure),
  },
  strict,
);
export type DrainStatus = Static<typeof DrainStatus>;

const NodeStatus = Type.Object(
  {
    phase: literals(NODE_PHASES),
    conditions: Type.Array(conditionSchema([...NODE_CONDITIONS], [...NODE_REASONS])),
    observedGeneration: Type.Optional(Type.Integer()),
    drain: Type.Optional(DrainStatus),
    /** The node's last heartbeat before it was found down. */
    lastHeartbeat: Type.Optional(Timestamp),
  },
  strict,
);
export type NodeStatus = Static<typeof NodeStatus>;
export type Node = Resource<'Node', NodeSpec, NodeStatus>;

/** True where new work may be placed on the node (invariant 1). */
export const isSchedulable = (node: Node): boolean => !whyUnschedulable(node);

/** True where the node is to be taken out of the fleet. */
export const isLeaving = (node: Node): boolean =>
  node.spec.removed || node.metadata.deletionTimestamp !== undefined;

/** Why no new work may be placed on the node, in words; undefined where it may. */
export function whyUnschedulable(node: Node): string | undefined {
  if (node.metadata.deletionTimestamp || node.spec.removed) return 'is being removed';
  if (node.spec.drain) return 'is draining';
  if (node.spec.unschedulable) return 'is cordoned';
  if (node.status.phase === 'down') return 'is down';
  return undefined;
}

const usage = (node: Node, reader: Reader) => usageOf(reader.byIndex('Alloc', 'node', node.metadata.name));

export const nodeKind: KindDefinition<Node> = {
  kind: 'Node',
  plural: 'nodes',
  singular: 'node',
  shortNames: ['no'],
  description: 'a machine of the fleet',
  spec: NodeSpec,
  status: NodeStatus,
  initialStatus: { phase: 'down', conditions: [] },
  indexes: {
    /** Under `true`: nodes that are on their way out of the fleet; few at any time. */
    removing: (node) => (isLeaving(node) ? ['true'] : []),
  },
  fields: { 'status.phase': (node) => node.status.phase },
  columns: [
    { name: 'Status', description: 'ready, draining or down', value: (node) => node.status.phase },
    { name: 'Drain', description: 'step of the drain', value: (node) => drainText(node) },
    {
      name: 'Allocs',
      description: 'allocs that are not over',
      value: (node, reader) => usage(node, reader).allocs,
    },
    {
      name: 'CPU',
      description: 'CPU asked for, of what there is',
      value: (node, reader) =>
        `${formatCpu(usage(node, reader).cpuMillis)}/${formatCpu(cpuMillis(node.spec.capacity.cpu))}`,
    },
    {
      name: 'Mem',
      description: 'memory asked for, of what there is',
      value: (node, reader) =>
        `${formatBytes(usage(node, reader).memoryBytes)}/${formatBytes(bytes(node.spec.capacity.memory))}`,
    },
    ageColumn(),
    { name: 'Address', wide: true, description: 'address', value: (node) => node.spec.address },
  ],
  finalizers: ['mill.dev/node'],
};

function drainText(node: Node): string {
  if (node.spec.removed) return 'removing';
  if (!node.spec.drain) return node.spec.unschedulable ? 'cordoned' : '-';
  const drain = node.status.drain;
  if (!drain) return 'requested';
  if (drain.step !== 'migrating') return drain.step;
  return `migrating ${drain.services.done}/${drain.services.total}`;
}
