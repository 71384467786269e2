/** Several servers on one simulated NATS cluster: they start, die, are stopped and cut off; what they commit is audited. */
import { KIND_NAMES } from '../../../api/kinds/index.ts';
import type { Log } from '../../../api/log.ts';
import { sameJson } from '../../../api/same-json.ts';
import type { Reader } from '../../../api/store.ts';
import type { Door } from '../door.ts';
import type { ClockError, SimulatedProcess } from '../process.ts';
import type { Random, Randomness } from '../randomness.ts';
import type { Timeline } from '../timeline.ts';
import { type Cloud, createSimulatedVolumes } from '../volumes.ts';
import type { Witness } from '../witness.ts';
import { Audit } from './audit.ts';
import { Switchboard } from './channel.ts';
import { type NatsConnection, NatsWay } from './connection.ts';
import { type Breakable, mendNats, strikeNats } from './faults.ts';
import { LeaseCopy } from './lease-copy.ts';
import { OBJECTS, SimulatedNats } from './nats.ts';
import type { NatsFault, NatsPlan } from './plan.ts';
import { JetStreamServer } from './server.ts';
import type { JetStreamStore } from './store.ts';

/** After which a server that was told to end is killed. */
const STOP_TIMEOUT_MS = 10_000;

/** An engine lets a tick go by before it decides what has come together; who is answered then may ask again. */
export const TICKS_TO_SETTLE = 3;

export interface FleetOptions {
  readonly plan: NatsPlan;
  readonly timeline: Timeline;
  readonly randomness: Randomness;
  readonly witness: Witness;
  readonly cloud: Cloud;
  readonly time: ClockError;
  readonly log: Log;
  readonly process: (name: string, time: ClockError) => SimulatedProcess;
  /** Told what happens to the servers. */
  readonly note: (text: string) => void;
}

export class Fleet implements Breakable {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly nats: SimulatedNats;
  readonly ways: readonly NatsWay[];
  readonly audit: Audit;
  /** One for each server: undefined while nothing listens there. */
  readonly doors: readonly (() => Door | undefined)[];
  readonly #options: FleetOptions;
  readonly #switchboard = new Switchboard();
  readonly #servers = new Map<number, JetStreamServer>();
  /** The revision at which a server's copy was seen to be like the stream's. */
  readonly #alike = new Map<JetStreamStore, number>();
  #runs = 0;

  constructor(options: FleetOptions) {
    const { plan, timeline, randomness, witness } = options;
    this.#options = options;
    this.timeline = timeline;
    timeline.ticksToSettle = TICKS_TO_SETTLE;
    this.random = randomness.stream('nats faults');
    this.audit = new Audit({
      subjects: OBJECTS,
      complain: witness.violated,
      onChange: (change, actor, state) => witness.changed(change, actor, state),
    });
    const leases = new LeaseCopy(this.audit.state, (change, state) =>
      witness.changed(change, undefined, state),
    );
    this.nats = new SimulatedNats({
      timeline,
      random: randomness.stream('nats'),
      plan,
      onObjects: (records) => this.audit.stored(records),
      onLeases: (records, offset) => leases.stored(records, offset),
      onLeasesLost: () => leases.forget(),
    });
    this.ways = Array.from({ length: plan.servers }, () => new NatsWay());
    this.doors = [...this.ways.keys()].map((server) => () => {
      const running = this.#servers.get(server);
      return running?.process.isAlive ? running.door : undefined;
    });
  }

  /** One that serves, if there is any. */
  get door(): Door | undefined {
    const doors = this.doors.flatMap((door) => door() ?? []);
    return doors.find(({ store }) => store.health.unwritable === undefined) ?? doors[0];
  }

  startAll(): void {
    for (const server of this.ways.keys()) this.start(server);
  }

  start(server: number): void {
    const { cloud, witness, randomness, time, log, note } = this.#options;
    const way = this.ways[server];
    if (this.processOf(server)?.isAlive || !way) return;
    this.#runs += 1;
    const run = `server-${server}/${this.#runs}`;
    note(`${run} starts`);
    const process = this.#options.process(run, time);
    this.#servers.set(
      server,
      new JetStreamServer({
        nats: this.nats,
        way,
        switchboard: this.#switchboard,
        audit: this.audit,
        process,
        server: `server-${server}`,
        run,
        randomness,
        volumes: createSimulatedVolumes(cloud, process, witness),
        log: this.#alarming(log, run),
      }),
    );
  }

  /** It dies between two of its steps, and comes back later. */
  crash(server: number, steps: number, forMs: number): void {
    this.processOf(server)?.crashAfter(steps, () => {
      this.#options.note(`server-${server} dies`);
      this.processOf(server)?.kill();
      this.timeline.after(forMs, () => this.start(server));
    });
  }

  /** It ends by itself when it is told to, and comes back later. */
  stop(server: number, forMs: number): void {
    const running = this.#servers.get(server);
    if (!running?.process.isAlive) return;
    this.#options.note(`server-${server} is told to end`);
    const comeBack = () => this.timeline.after(forMs, () => this.start(server));
    void running.close().then(comeBack);
    this.timeline.after(STOP_TIMEOUT_MS, () => {
      if (!running.process.isAlive) return;
      running.process.kill();
      comeBack();
    });
  }

  strike(fault: NatsFault): void {
    strikeNats(this, fault);
  }

  mend(): void {
    mendNats(this);
    this.startAll();
  }

  processOf(server: number): SimulatedProcess | undefined {
    return this.#servers.get(server)?.process;
  }

  connectionOf(server: number): NatsConnection | undefined {
    return this.#servers.get(server)?.store.connection;
  }

  /** What is still to be done before all servers are alike, and idle; undefined: nothing. */
  whyNotAtRest(): string | undefined {
    for (const { process, store, door } of this.#servers.values()) {
      if (!door) return `${process.name} does not serve`;
      const { unwritable, staleSinceMs } = store.health;
      if (unwritable !== undefined) return `${process.name}: ${unwritable}`;
      if (staleSinceMs !== undefined) return `${process.name} is stale`;
      const why = this.#whyDifferent(store);
      if (why !== undefined) return `${process.name}: ${why}`;
    }
    const queued = [...this.#servers.values()].reduce((sum, server) => sum + server.queued(), 0);
    return queued > 0 ? `${queued} keys are queued` : undefined;
  }

  /** Whole copies are compared, and again only where something was stored since. */
  #whyDifferent(store: JetStreamStore): string | undefined {
    const { revision } = store.state;
    if (this.#alike.get(store) === revision && revision === this.audit.state.revision) return undefined;
    const why = whyDifferent(store.state, this.audit.state);
    if (why === undefined) this.#alike.set(store, revision);
    return why;
  }

  /** The log of a server, in which the engine must never raise an alarm: the stream is never forked, nor lost. */
  #alarming(log: Log, run: string): Log {
    const { witness } = this.#options;
    const alarming: Log = {
      ...log,
      error(fields, message) {
        log.error(fields, message);
        if (/log was read again|cannot be followed/.test(message)) {
          witness.violated('alarm', `${run}: ${message}: ${JSON.stringify(fields)}`);
        }
      },
      child: () => alarming,
    };
    return alarming;
  }
}

/** What one copy shows and another does not; leases are counted apart. */
export function whyDifferent(copy: Reader, truth: Reader): string | undefined {
  if (copy.revision !== truth.revision) return `it is at ${copy.revision}, not at ${truth.revision}`;
  for (const kind of KIND_NAMES) {
    if (kind !== 'Lease' && !sameJson(copy.list(kind), truth.list(kind))) return `it has another ${kind}`;
  }
  return undefined;
}
