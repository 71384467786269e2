/** A store, its API, the controllers that agents talk with, and real agents with real processes, in one process. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '../../../../api/client/client.ts';
import { createLocalClient } from '../../../../api/client/local.ts';
import { systemClock } from '../../../../api/clock.ts';
import { ADMIN_GROUP, GATEWAY_GROUP, NODE_GROUP } from '../../../../api/groups.ts';
import type { KindName, ObjectOf } from '../../../../api/kinds/index.ts';
import { silentLog } from '../../../../api/log.ts';
import { API_VERSION } from '../../../../api/meta.ts';
import { admission } from '../../../../api/rules/index.ts';
import { ApiService } from '../../../../api/server/service.ts';
import { createEndpointsController } from '../../../../controllers/endpoints/controller.ts';
import { createNodeHealthController } from '../../../../controllers/node-health/controller.ts';
import { type Agent, type AgentOptions, startAgent } from '../../../../controllers/processes/agent.ts';
import { type GatewayProcess, startGateway } from '../../../../controllers/processes/gateway.ts';
import { createVolumeController } from '../../../../controllers/volume/controller.ts';
import { type RunningController, runController } from '../../../../runtime/controller/controller.ts';
import { createExecDriver } from '../../../../runtime/drivers/exec/driver.ts';
import { createLocalVolumeDriver } from '../../../../runtime/drivers/local-volume.ts';
import { createEventRecorder } from '../../../../runtime/events.ts';
import { LeaseSight } from '../../../../runtime/lease-sight.ts';
import { createMemoryMesh } from '../../../../runtime/mesh/memory.ts';
import { createPortAllocator } from '../../../../runtime/ports.ts';
import { openEmbeddedStore } from '../../../../runtime/store/embedded.ts';

const clock = systemClock;
const log = silentLog;
const random = Math.random;
const DOWN_AFTER_MS = 10_000;

export type Fleet = Awaited<ReturnType<typeof createFleet>>;

export async function createFleet() {
  const dir = await mkdtemp(join(tmpdir(), 'mill-fleet-'));
  const store = await openEmbeddedStore({ dir: join(dir, 'store'), clock, log, admission });
  const service = new ApiService({ store, clock, admission });
  const client = createLocalClient(service, { user: 'system:controller:test', groups: [] });
  const volumes = createLocalVolumeDriver({ dir: join(dir, 'volumes') });
  const ports = createPortAllocator({ address: '127.0.0.1', random });
  const agents = new Set<Agent>();
  const gateways: GatewayProcess[] = [];
  const events = createEventRecorder({ client, clock, random, log, source: 'test' });
  const environment = { source: store, client, clock, random, log, events };
  const leases = new LeaseSight(store, clock);
  const controllers: RunningController[] = [
    runController(
      createNodeHealthController({ leases, startedAtMs: clock.now(), downAfterMs: DOWN_AFTER_MS }),
      environment,
    ),
    runController(createVolumeController({ drivers: { local: volumes } }), environment),
    runController(createEndpointsController({ leases }), environment),
  ];

  /** Resolves with the object once it is as the test says. */
  function until<K extends KindName>(
    kind: K,
    name: string,
    is: (object: ObjectOf<K> | undefined) => unknown,
  ): Promise<ObjectOf<K> | undefined> {
    return new Promise((resolve) => {
      const abort = new AbortController();
      const look = () => {
        const object = store.state.get(kind, name);
        if (!is(object)) return;
        abort.abort();
        resolve(object);
      };
      store.subscribe({ kinds: [kind], signal: abort.signal }, () => look());
      look();
    });
  }

  return {
    store,
    client,
    until,
    async node(name: string) {
      await service.registerNode({ user: 'admin', groups: [ADMIN_GROUP] }, name, {});
    },
    agentClient: (node: string): Client => {
      const nodeUid = store.state.get('Node', node)?.metadata.uid ?? '';
      return createLocalClient(service, { user: `system:node:${node}`, groups: [NODE_GROUP], nodeUid });
    },
    async agent(node: string, more: Partial<AgentOptions> = {}) {
      const agent = startAgent({
        node,
        client: this.agentClient(node),
        clock,
        random,
        log,
        address: '127.0.0.1',
        workloads: createExecDriver({ dir: join(dir, 'nodes', node), clock, log, node }),
        volumes,
        mesh: createMemoryMesh({ random }),
        ports,
        ...more,
      });
      agents.add(agent);
      await agent.ready;
      return agent;
    },
    async gateway(name: string) {
      const actor = { user: `system:gateway:${name}`, groups: [GATEWAY_GROUP] };
      const gateway = startGateway({
        name,
        client: createLocalClient(service, actor),
        clock,
        random,
        log,
        host: '127.0.0.1',
      });
      gateways.push(gateway);
      await gateway.ready;
      return gateway;
    },
    async service(name: string, spec: object) {
      return client.create({ kind: 'Service', metadata: { name }, spec });
    },
    async alloc(
      name: string,
      owner: ObjectOf<'Service'> | ObjectOf<'Task'>,
      node: string,
      more: object = {},
    ) {
      const { kind, metadata, spec } = owner;
      const reference = { apiVersion: API_VERSION, kind, name: metadata.name, uid: metadata.uid };
      const ports = 'ports' in spec ? spec.ports.map((port) => port.name) : [];
      return client.create({
        kind: 'Alloc',
        metadata: { name, ownerReferences: [reference] },
        spec: {
          owner: { kind, name: metadata.name, uid: metadata.uid },
          node,
          template: spec.template,
          ports,
          ...more,
        },
      });
    },
    desire: (alloc: string, desired: 'running' | 'suspended' | 'stopped') =>
      client.patch('Alloc', alloc, { spec: { desired } }),
    phase(alloc: string, phase: ObjectOf<'Alloc'>['status']['phase']) {
      return until('Alloc', alloc, (object) => object?.status.phase === phase);
    },
    async close() {
      await Promise.all([...agents].map((agent) => agent.close({ stopWorkloads: true })));
      await Promise.all(gateways.map((gateway) => gateway.close()));
      await Promise.all(controllers.map((controller) => controller.stop()));
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Answers each request with its alloc's name. */
export const SERVER = [
  process.execPath,
  '-e',
  "require('http').createServer((q,r)=>r.end(process.env.MILL_ALLOC)).listen(process.env.PORT,'127.0.0.1')",
];

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}
