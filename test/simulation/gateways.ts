/** A gateway process: mill's own logic over a simulated data plane. */

import type { Log } from '../../api/log.ts';
import { type GatewayProcess, startGateway } from '../../controllers/processes/gateway.ts';
import type { Connect } from './cluster.ts';
import { SimulatedDataPlane } from './data-plane.ts';
import { Link } from './link.ts';
import type { ClockError, SimulatedProcess } from './process.ts';
import type { Witness } from './witness.ts';

export class SimulatedGateway {
  readonly name: string;
  readonly link = new Link();
  readonly time: ClockError = { offsetMs: 0, rate: 1 };
  process: SimulatedProcess | undefined;
  dataPlane = new SimulatedDataPlane();
  /** It never comes back. */
  isLost = false;
  #running: GatewayProcess | undefined;

  constructor(name: string) {
    this.name = name;
  }

  start(process: SimulatedProcess, connect: Connect, witness: Witness, log: Log): void {
    const { name, link } = this;
    this.process = process;
    this.dataPlane = new SimulatedDataPlane(process, {
      applied: () => witness.gatewayApplied(),
      sent: (alloc) => witness.traffic.sent(alloc),
      answered: (alloc, by) => witness.traffic.answered(name, alloc, by),
    });
    const actor = { user: `system:gateway:${name}`, groups: ['system:gateways'] };
    const client = connect(process, link, () => actor);
    const { clock, random } = process;
    const options = { name, client, clock, random, log, host: '127.0.0.1', dataPlane: this.dataPlane };
    this.#running = startGateway(options);
  }

  /** SIGKILL. */
  crash(): void {
    this.process?.kill();
  }

  /** SIGTERM. Resolves when it has ended. */
  async stop(): Promise<void> {
    const { process } = this;
    await this.#running?.close();
    process?.kill();
  }
}
