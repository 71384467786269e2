/** The agent of a machine: mill's own, over simulated workloads, volumes and mesh. */

import type { Log } from '../../api/log.ts';
import type { Actor } from '../../api/store.ts';
import { type Agent, startAgent } from '../../controllers/processes/agent.ts';
import type { WorkloadSpec } from '../../runtime/drivers/workload.ts';
import type { Mesh } from '../../runtime/mesh/mesh.ts';
import { createPortAllocator } from '../../runtime/ports.ts';
import type { Connect } from './cluster.ts';
import type { Door } from './door.ts';
import { Link } from './link.ts';
import type { Fate, Machine } from './machine.ts';
import type { SimulatedProcess } from './process.ts';
import { type Cloud, createSimulatedMounter } from './volumes.ts';
import type { Witness } from './witness.ts';
import { createSimulatedProbe, createSimulatedWorkloads } from './workloads.ts';

const PORTS = { first: 20_000, last: 29_999 };

export interface AgentSurroundings {
  readonly connect: Connect;
  readonly cloud: Cloud;
  readonly witness: Witness;
  readonly log: Log;
  readonly fateOf: (spec: WorkloadSpec) => Fate;
}

export class SimulatedAgent {
  readonly machine: Machine;
  readonly link = new Link();
  /** Of the node that it registered; kept on the machine's disk. */
  token = '';
  process: SimulatedProcess | undefined;
  /** It was told that its node was removed, and ended. */
  hasLeft = false;
  /** It never comes back. */
  isLost = false;
  /** It was told to end, and takes with it what nobody could fence, or all that it runs. */
  isEnding = false;
  #running: Agent | undefined;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  start(process: SimulatedProcess, surroundings: AgentSurroundings): void {
    const { machine, link, token } = this;
    const { connect, cloud, witness, log, fateOf } = surroundings;
    this.process = process;
    this.hasLeft = false;
    this.isEnding = false;
    const authenticate = (to: Door): Actor => to.authenticate(token);
    const { clock, random } = process;
    const agent = startAgent({
      node: machine.name,
      client: connect(process, link, authenticate),
      clock,
      random,
      log,
      address: machine.address,
      workloads: createSimulatedWorkloads({ machine, agent: process, witness, fateOf }),
      volumes: createSimulatedMounter(cloud, machine, process, witness),
      mesh: simulatedMesh(machine, process, witness),
      ports: createPortAllocator({
        address: machine.address,
        random,
        range: PORTS,
        isFree: async (_, port) => !machine.running().some(({ ports }) => ports.includes(port)),
      }),
      probe: createSimulatedProbe(machine, process),
      environment: {},
    });
    this.#running = agent;
    void agent.closed.then((end) => {
      if (end === 'removed') this.hasLeft = true;
      process.kill();
      // Its guards take with them what nobody could fence any more.
      this.machine.agentDied();
    });
  }

  /** SIGKILL. */
  crash(): void {
    if (!this.process?.isAlive) return;
    this.process.kill();
    this.machine.agentDied();
  }

  /** SIGTERM. Resolves when it has ended. @param stopWorkloads as `mill up` does; else the next agent adopts them */
  async stop(stopWorkloads: boolean): Promise<void> {
    this.isEnding = true;
    await this.#running?.close({ stopWorkloads });
  }
}

function simulatedMesh(machine: Machine, process: SimulatedProcess, witness: Witness): Mesh {
  const sinceMs = process.timeline.nowMs;
  return {
    identity: async () => ({ publicKey: machine.publicKey }),
    async apply(configuration) {
      await process.call(1, () => {
        witness.meshApplies(machine, configuration, sinceMs);
        machine.mesh = configuration;
      });
    },
    async tearDown() {
      await process.call(1, () => {
        machine.mesh = undefined;
      });
    },
  };
}
