/** `Node`: a machine of the fleet. `drain: true` empties it, `removed: true` takes it out. */
import { type Static, Type } from '@sinclair/typebox';
import { Duration } from '../duration.ts';
import { literals, type Resource } from '../meta.ts';
import { bytes, cpuMillis, formatBytes, formatCpu, Quantity } from '../quantity.ts';
import type { Reader } from '../store.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';
import { NodeStatus } from './node-status.ts';
import { usageOf } from './usage.ts';

export type {
  DrainFailure,
  DrainStatus,
  DrainStep,
  NodeCondition,
  NodeConditionType,
  NodePhase,
  NodeReason,
  NodeStatus,
} from './node-status.ts';
export { NODE_CONDITIONS, NODE_REASONS } from './node-status.ts';

const strict = { additionalProperties: false } as const;

const DrainPolicy = Type.Object(
  {
    maxParallel: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 1,
      description: 'how many of its services may be on the move at a time',
    }),
    deadline: Type.Optional(
      Duration({ description: 'how long the drain may take, from its start; none: no limit' }),
    ),
    onDeadline: literals(['fail', 'force'], {
      default: 'fail',
      description: 'for services that have not moved by the deadline: the drain fails, or they are stopped',
    }),
    taskGrace: Duration({ default: '0s', description: 'how long tasks may go on before they are stopped' }),
    reason: Type.Optional(
      Type.String({ maxLength: 1_024, description: 'why it is drained, for people who look later' }),
    ),
    attempt: Type.Integer({
      minimum: 1,
      default: 1,
      description: 'any change of it makes a drain that failed try again what it could not move',
    }),
  },
  { ...strict, default: {}, description: 'how a drain goes' },
);

const NodeSpec = Type.Object(
  {
    address: Type.String({
      minLength: 1,
      maxLength: 253,
      default: '127.0.0.1',
      description: 'where gateways and other nodes reach its workloads',
    }),
    capacity: Type.Object(
      {
        cpu: Quantity({ default: '4', description: 'CPUs for its workloads' }),
        memory: Quantity({ default: '8Gi', description: 'memory for its workloads, in bytes' }),
        allocs: Type.Integer({
          minimum: 0,
          maximum: 10_000,
          default: 250,
          description: 'how many allocs at most',
        }),
      },
      { ...strict, default: {}, description: 'what may be placed on it, all together' },
    ),
    unschedulable: Type.Boolean({ default: false, description: '`true`: no new work (`mill cordon`)' }),
    drain: Type.Boolean({
      default: false,
      description: '`true`: empty it (`mill drain`); `false`: cancel that',
    }),
    removed: Type.Boolean({
      default: false,
      description: '`true`: take it out of the fleet; refused while anything is on it',
    }),
    drainPolicy: DrainPolicy,
  },
  { ...strict, default: {} },
);
export type NodeSpec = Static<typeof NodeSpec>;

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
