/** The services and tasks that acceptance tests run: real processes, as small as they can be. */
import { join } from 'node:path';
import { ROOT } from './mill.ts';

const WORKLOADS = join(ROOT, 'test/acceptance/workloads');

/** What a test changes of a service. */
export interface ServiceOptions {
  readonly replicas?: number;
  readonly gatewayPort?: number;
  readonly env?: Record<string, string>;
  readonly command?: readonly string[];
  readonly migration?: object;
  readonly cpu?: string;
}

/** A stateless web server; `DELAY_MS` in its environment is how long it takes to answer. */
export const web = (name: string, options: ServiceOptions = {}) => ({
  apiVersion: 'mill.dev/v1alpha1',
  kind: 'Service',
  metadata: { name },
  spec: {
    replicas: options.replicas ?? 3,
    ports: [{ name: 'http', ...(options.gatewayPort ? { gatewayPort: options.gatewayPort } : {}) }],
    ...(options.migration ? { migration: options.migration } : {}),
    template: {
      command: options.command ?? ['node', join(WORKLOADS, 'web.mjs')],
      env: options.env ?? {},
      resources: { cpu: options.cpu ?? '100m', memory: '64Mi' },
      health: { http: { path: '/' }, interval: '200ms' },
      stopGrace: '5s',
    },
  },
});

/** A service that counts on a volume, and that volume. `node` is where it starts. */
export const counter = (gatewayPort: number, node?: string) => [
  {
    apiVersion: 'mill.dev/v1alpha1',
    kind: 'Volume',
    metadata: { name: 'counter-data' },
    spec: { size: '16Mi', driver: 'local', ...(node ? { node } : {}) },
  },
  {
    apiVersion: 'mill.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'counter' },
    spec: {
      replicas: 1,
      ports: [{ name: 'http', gatewayPort }],
      template: {
        command: ['node', join(WORKLOADS, 'counter.mjs')],
        volumes: [{ name: 'data', volume: 'counter-data', path: '/data' }],
        resources: { cpu: '100m', memory: '64Mi' },
        health: { http: { path: '/' }, interval: '200ms' },
        stopGrace: '5s',
      },
    },
  },
];

/** A task that runs until it is stopped. */
export const endlessTask = (name: string) => ({
  apiVersion: 'mill.dev/v1alpha1',
  kind: 'Task',
  metadata: { name },
  spec: {
    template: {
      command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'],
      resources: { cpu: '50m', memory: '16Mi' },
      stopGrace: '1s',
    },
  },
});

/** A node's manifest, as a GitOps pipeline has it. */
export const node = (name: string, spec: object) => ({
  apiVersion: 'mill.dev/v1alpha1',
  kind: 'Node',
  metadata: { name },
  spec,
});
