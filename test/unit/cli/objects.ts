/** Objects as a server would hold them, for tests of the command line. */
import type { Alloc, AllocStatus } from '../../../api/kinds/alloc.ts';
import type { Migration, MigrationSpec, MigrationStatus } from '../../../api/kinds/migration.ts';
import type { DrainStatus, Node, NodeSpec, NodeStatus } from '../../../api/kinds/node.ts';
import type { Peer } from '../../../api/kinds/peer.ts';
import type { Service } from '../../../api/kinds/service.ts';
import type { Volume } from '../../../api/kinds/volume.ts';
import { API_VERSION } from '../../../api/meta.ts';

export const BEFORE = '2025-12-31T23:00:00.000Z';
export const START = '2026-01-01T00:00:00.000Z';
export const END = '2026-01-01T00:00:08.100Z';

const meta = (name: string, generation = 1) => ({
  name,
  uid: `uid-${name}`,
  resourceVersion: '1',
  generation,
  creationTimestamp: BEFORE,
});

export const node = (name: string, spec: Partial<NodeSpec> = {}, status: Partial<NodeStatus> = {}): Node => ({
  apiVersion: API_VERSION,
  kind: 'Node',
  metadata: meta(name),
  spec: {
    address: '127.0.0.1',
    capacity: { cpu: '4', memory: '8Gi', allocs: 250 },
    unschedulable: false,
    drain: false,
    removed: false,
    drainPolicy: { maxParallel: 1, onDeadline: 'fail', taskGrace: '0s', attempt: 1 },
    ...spec,
  },
  status: { phase: 'ready', conditions: [], observedGeneration: 1, ...status },
});

/** The node as the drain controller reports on it, for the generation it has. */
export const reporting = (
  before: Node,
  drain: Partial<DrainStatus>,
  phase: NodeStatus['phase'] = 'draining',
): Node => ({
  ...before,
  status: {
    ...before.status,
    phase,
    observedGeneration: before.metadata.generation,
    drain: {
      step: 'migrating',
      attempt: before.spec.drainPolicy.attempt,
      startedAt: START,
      services: { total: 1, done: 0 },
      tasks: { total: 1, done: 0 },
      volumes: { total: 1, done: 0 },
      failures: [],
      ...drain,
    },
  },
});

export const DRAINED: Partial<DrainStatus> = {
  step: 'drained',
  finishedAt: END,
  services: { total: 1, done: 1 },
  tasks: { total: 1, done: 1 },
  volumes: { total: 1, done: 1 },
};

export const alloc = (
  name: string,
  on: string,
  owner: { kind: 'Service' | 'Task'; name: string },
  status: Partial<AllocStatus> = {},
  volumes: readonly string[] = [],
): Alloc => ({
  apiVersion: API_VERSION,
  kind: 'Alloc',
  metadata: meta(name),
  spec: {
    owner: { ...owner, uid: `uid-${owner.name}` },
    node: on,
    slot: 0,
    template: {
      driver: 'exec',
      resources: { cpu: '100m', memory: '64Mi' },
      stopGrace: '10s',
      volumes: volumes.map((volume) => ({ name: 'data', volume, path: '/data' })),
    },
    ports: [],
    desired: status.phase === 'stopped' ? 'stopped' : 'running',
  },
  status: { phase: 'healthy', ...status },
});

export const migration = (
  of: string,
  from: string,
  status: MigrationStatus,
  spec: Partial<MigrationSpec> = {},
): Migration => ({
  apiVersion: API_VERSION,
  kind: 'Migration',
  metadata: meta(of),
  spec: {
    alloc: of,
    service: of.replace(/-.*/, ''),
    node: from,
    reason: 'drain',
    attempt: 1,
    cancelled: false,
    ...spec,
  },
  status,
});

export const volume = (name: string, on?: string): Volume => ({
  apiVersion: API_VERSION,
  kind: 'Volume',
  metadata: meta(name),
  spec: { size: '1Gi', driver: 'local', ...(on ? { node: on } : {}) },
  status: { phase: on ? 'attached' : 'ready', ...(on ? { node: on } : {}) },
});

export const peer = (on: string): Peer => ({
  apiVersion: API_VERSION,
  kind: 'Peer',
  metadata: meta(on),
  spec: { node: on, publicKey: 'x', allowedIPs: [], withdrawn: false },
  status: {},
});

export const service = (name: string, ready: number, replicas: number): Service => ({
  apiVersion: API_VERSION,
  kind: 'Service',
  metadata: meta(name),
  spec: {
    replicas,
    ports: [],
    template: {
      driver: 'exec',
      command: ['x'],
      resources: { cpu: '100m', memory: '64Mi' },
      stopGrace: '10s',
    },
    migration: { maxParallel: 1, minHealthy: '0s', healthyDeadline: '5m' },
  },
  status: { ready, wanted: replicas, observedGeneration: 1, conditions: [] },
});
