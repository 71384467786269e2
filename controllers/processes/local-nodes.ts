/** The nodes of `mill up`: agents in the server's own process, clients of the same API as every other. */
import { join } from 'node:path';
import { createLocalClient } from '../../api/client/local.ts';
import type { Clock } from '../../api/clock.ts';
import { NODE_GROUP } from '../../api/groups.ts';
import type { Log } from '../../api/log.ts';
import { createExecDriver } from '../../runtime/drivers/exec/driver.ts';
import { createMemoryMesh } from '../../runtime/mesh/memory.ts';
import { createPortAllocator, type PortAllocator } from '../../runtime/ports.ts';
import { type Agent, startAgent } from './agent.ts';
import type { AgentTimes } from './agent-times.ts';
import { ADMIN, type ServerCore } from './server-core.ts';

/** The local nodes' workloads are reached from this machine only. */
const LOCAL_ADDRESS = '127.0.0.1';

export interface LocalNodesOptions {
  readonly core: ServerCore;
  /** How many: `node-1` to `node-<count>`. */
  readonly count: number;
  readonly data: string;
  /** How long they may be silent. */
  readonly times: AgentTimes;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** Starts an agent for each node that is wanted; one that was removed stays away. Resolves when they have begun. */
export async function startLocalNodes(options: LocalNodesOptions): Promise<readonly Agent[]> {
  // They share an address, and so its ports.
  const ports = createPortAllocator({ address: LOCAL_ADDRESS, random: options.random });
  const names = Array.from({ length: options.count }, (_, index) => `node-${index + 1}`);
  const agents = await Promise.all(names.map((name) => startLocalNode(options, name, ports)));
  return agents.filter((agent) => agent !== undefined);
}

async function startLocalNode(
  options: LocalNodesOptions,
  name: string,
  ports: PortAllocator,
): Promise<Agent | undefined> {
  const { core, data, times, clock, random, log } = options;
  const uid = await register(core, name, log);
  if (uid === undefined) return undefined;
  const dataDir = join(data, 'nodes', name);
  const actor = { user: `system:node:${name}`, groups: [NODE_GROUP], nodeUid: uid };
  const agentLog = log.child({ node: name });
  const workloads = createExecDriver({ dir: join(dataDir, 'exec'), clock, log: agentLog, node: name });
  return startAgent({
    node: name,
    client: createLocalClient(core.service, actor),
    clock,
    random,
    log: agentLog,
    address: LOCAL_ADDRESS,
    ports,
    workloads,
    volumes: core.volumes,
    mesh: createMemoryMesh({ random }),
    serveLogs: (handler) => core.logs.serve(name, handler),
    ...times,
  });
}

/** @returns the uid of the node, made where it is missing; undefined where it was removed */
async function register(core: ServerCore, name: string, log: Log): Promise<string | undefined> {
  const node = core.store.state.get('Node', name);
  const credential = core.store.state.get('Credential', name);
  if (credential?.spec.revoked) {
    log.info({ node: name }, 'the node was removed and stays away');
    return undefined;
  }
  if (node && credential) return node.metadata.uid;
  return (await core.service.registerNode(ADMIN, name, {})).node.metadata.uid;
}
