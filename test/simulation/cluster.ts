/** A whole cluster in one process: servers, agents, gateways and the machines under them, in virtual time. */
import type { Client } from '../../api/client/client.ts';
import { ADMIN_GROUP } from '../../api/groups.ts';
import type { Log } from '../../api/log.ts';
import type { Actor, Reader } from '../../api/store.ts';
import type { WorkloadSpec } from '../../runtime/drivers/workload.ts';
import { SimulatedAgent } from './agents.ts';
import { Chronicle } from './chronicle.ts';
import type { Door } from './door.ts';
import { SimulatedGateway } from './gateways.ts';
import { createFailoverClient } from './jetstream/failover.ts';
import { Fleet } from './jetstream/fleet.ts';
import type { NatsPlan } from './jetstream/plan.ts';
import { createLinkedClient, Link } from './link.ts';
import { type Fate, Machine } from './machine.ts';
import { calmServices, type Plan } from './plan.ts';
import { type ClockError, never, SimulatedProcess } from './process.ts';
import { between, type Random, Randomness } from './randomness.ts';
import { startSecondControlPlane } from './replica.ts';
import { Server } from './server.ts';
import { SimulatedDisk } from './store.ts';
import { Timeline } from './timeline.ts';
import { Cloud, createSimulatedVolumes } from './volumes.ts';
import { Witness } from './witness.ts';
import type { World } from './world.ts';

/** As whoever runs mill's processes gives them. */
const STOP_TIMEOUT_MS = 10_000;

export const ADMIN: Actor = { user: 'admin', groups: [ADMIN_GROUP] };

/** A client of whichever servers there are. */
export type Connect = (process: SimulatedProcess, link: Link, authenticate: (door: Door) => Actor) => Client;

export class Cluster {
  readonly timeline = new Timeline();
  readonly chronicle = new Chronicle(this.timeline);
  readonly randomness: Randomness;
  readonly disk = new SimulatedDisk();
  readonly cloud = new Cloud();
  readonly machines: ReadonlyMap<string, Machine>;
  readonly agents: readonly SimulatedAgent[];
  readonly gateways: readonly SimulatedGateway[];
  readonly services: Plan['services'];
  readonly calm: World['calm'];
  readonly witness: Witness;
  readonly serverTime: ClockError = { offsetMs: 0, rate: 1 };
  /** The one server on the embedded store; undefined while it is dead, or where there are several on NATS. */
  embedded: Server | undefined;
  /** Several servers on NATS. */
  readonly fleet: Fleet | undefined;
  secondControlPlane: SimulatedProcess | undefined;
  /** Share of workloads that behave badly. */
  badWorkloads = 0;
  /** Share of commits whose outcome is not told. */
  unknownCommits = 0;
  readonly #fates: Random;
  readonly #log: Log;
  #runs = 0;

  constructor(plan: Plan) {
    this.randomness = new Randomness(plan.seed);
    this.#fates = this.randomness.stream('fates');
    const names = Array.from({ length: plan.nodes }, (_, index) => `node-${index}`);
    this.machines = new Map(names.map((name, index) => [name, new Machine(name, index + 1)]));
    this.agents = [...this.machines.values()].map((machine) => new SimulatedAgent(machine));
    this.gateways = Array.from(
      { length: plan.gateways },
      (_, index) => new SimulatedGateway(`gate-${index}`),
    );
    this.services = plan.services;
    this.calm = calmServices(plan);
    this.witness = new Witness(this);
    this.#log = this.#recordingLog();
    this.fleet = plan.nats ? this.#fleetOf(plan.nats) : undefined;
  }

  /** One that serves. */
  get server(): Door | undefined {
    return this.fleet ? this.fleet.door : this.embedded;
  }

  /** The objects as they are, whatever any copy of them shows. */
  get state(): Reader | undefined {
    return this.fleet ? this.fleet.audit.state : this.embedded?.store.state;
  }

  startServers(): void {
    if (this.fleet) this.fleet.startAll();
    else this.startServer();
  }

  startServer(): void {
    if (this.embedded?.process.isAlive) return;
    const process = this.process('server', this.serverTime);
    this.chronicle.note('plan', 'server starts');
    this.embedded = new Server({
      process,
      disk: this.disk,
      randomness: this.randomness,
      log: this.#log,
      volumes: createSimulatedVolumes(this.cloud, process, this.witness),
      observe: (change, actor, state) => this.witness.changed(change, actor, state),
      unknownOutcomes: () => this.unknownCommits,
    });
  }

  crashServer(): void {
    if (!this.embedded) return;
    this.chronicle.note('plan', 'server dies');
    this.secondControlPlane?.kill();
    this.embedded.process.kill();
    this.embedded = undefined;
  }

  /** SIGTERM, and SIGKILL where that takes too long. Resolves when it has ended; never where it was killed. */
  async stopServer(): Promise<void> {
    const server = this.embedded;
    if (!server?.process.isAlive || !server.isListening) return never();
    this.chronicle.note('plan', 'server is told to end');
    this.timeline.after(STOP_TIMEOUT_MS, () => {
      if (this.embedded === server) this.crashServer();
    });
    await server.close();
    if (this.embedded !== server) return never();
    this.chronicle.note('plan', 'server has ended');
    this.secondControlPlane?.kill();
    this.embedded = undefined;
  }

  startSecondControlPlane(): void {
    const server = this.embedded;
    if (!server || this.secondControlPlane?.isAlive) return;
    const process = this.process('controllers', this.serverTime);
    this.secondControlPlane = process;
    const volumes = createSimulatedVolumes(this.cloud, process, this.witness);
    const { randomness } = this;
    startSecondControlPlane({ server, process, randomness, log: this.#log, volumes });
  }

  startAgent(agent: SimulatedAgent): void {
    const { machine } = agent;
    if (agent.process?.isAlive || !machine.isUp || agent.isLost || agent.token === '') return;
    this.chronicle.note('plan', `agent ${machine.name} starts`);
    agent.start(this.process(`agent-${machine.name}`, machine.time), {
      connect: (process, link, authenticate) => this.#connect(process, link, authenticate),
      cloud: this.cloud,
      witness: this.witness,
      log: this.#log,
      fateOf: (spec) => this.#fateOf(spec),
    });
  }

  startGateway(gateway: SimulatedGateway): void {
    if (gateway.process?.isAlive || gateway.isLost) return;
    this.chronicle.note('plan', `gateway ${gateway.name} starts`);
    const process = this.process(gateway.name, gateway.time);
    const connect: Connect = (...way) => this.#connect(...way);
    gateway.start(process, connect, this.witness, this.#log);
  }

  /** What an operator's commands are sent with. */
  operator(): Client {
    const process = this.process('operator', { offsetMs: 0, rate: 1 });
    return this.#connect(process, new Link(), () => ADMIN);
  }

  process(name: string, time: ClockError): SimulatedProcess {
    this.#runs += 1;
    const random = this.randomness.stream(`${name}/${this.#runs}`);
    return new SimulatedProcess({ name, timeline: this.timeline, random, time });
  }

  readonly #connect: Connect = (process, link, authenticate) =>
    this.fleet
      ? createFailoverClient({ process, link, doors: this.fleet.doors, authenticate })
      : createLinkedClient({ process, link, server: () => this.embedded, authenticate });

  #fleetOf(plan: NatsPlan): Fleet {
    return new Fleet({
      ...this,
      plan,
      time: this.serverTime,
      log: this.#log,
      process: (name, time) => this.process(name, time),
      note: (text) => this.chronicle.note('plan', text),
    });
  }

  #fateOf({ env }: WorkloadSpec): Fate {
    const random = this.#fates;
    const isTask = env.MILL_TASK !== undefined;
    const good: Fate = {
      startMs: between(random, 1, 20),
      healthyAfterMs: between(random, 1, 200),
      exitAfterMs: isTask ? between(random, 200, 6_000) : undefined,
      exitCode: 0,
      stopMs: between(random, 1, 60),
    };
    if (random() >= this.badWorkloads) return good;
    const kind = random();
    if (kind < 0.25) return { ...good, startMs: undefined };
    if (kind < 0.5) return { ...good, exitAfterMs: between(random, 1, 3_000), exitCode: 1 };
    if (kind < 0.75) return { ...good, stopMs: undefined };
    return { ...good, healthyAfterMs: between(random, 500, 40_000) };
  }

  /** A reconcile that throws what no driver and no server said is a mistake in the code. */
  #recordingLog(): Log {
    const record = (fields: object, message: string) => {
      const { error, err } = fields as { error?: unknown; err?: unknown };
      const why = String(error ?? (err instanceof Error ? err.stack : '')).split('\n    at ');
      if (/^(Type|Range|Reference)Error/.test(why[0] ?? '')) {
        this.witness.violated('mistake', `${message}: ${why.slice(0, 4).join(' < ')}`);
      }
      this.chronicle.note(
        'log',
        `${JSON.stringify({ ...fields, error: why[0], err: undefined })} ${message}`,
      );
    };
    const log: Log = { debug() {}, info() {}, warn: record, error: record, child: () => log };
    return log;
  }
}
