/** The store of one mill server on simulated NATS servers: the real engine, and an audit of what it tells its callers. */
import type { Log } from '../../../api/log.ts';
import type {
  Actor,
  Admission,
  Change,
  CommitHint,
  Committed,
  Decision,
  Reader,
  Store,
  StoreHealth,
  WatchOptions,
} from '../../../api/store.ts';
import { Engine } from '../../../runtime/store/jetstream/engine.ts';
import { never, type SimulatedProcess } from '../process.ts';
import { type Audit, Decisions, type MarkedActor } from './audit.ts';
import { createSimulatedChannel, type Switchboard } from './channel.ts';
import { SimulatedStream } from './client-stream.ts';
import { NatsConnection, type NatsWay } from './connection.ts';
import { LEASES, OBJECTS, type SimulatedNats } from './nats.ts';

export interface JetStreamStoreOptions {
  readonly nats: SimulatedNats;
  readonly way: NatsWay;
  readonly switchboard: Switchboard;
  readonly audit: Audit;
  readonly process: SimulatedProcess;
  /** Id of the server, the same after a restart. */
  readonly server: string;
  /** Of this run of it. */
  readonly run: string;
  readonly admission: Admission;
  readonly writer: (state: Reader) => string | undefined;
  readonly log: Log;
}

export class JetStreamStore implements Store {
  readonly loaded: Promise<void>;
  readonly connection: NatsConnection;
  readonly #engine: Engine;
  readonly #decisions: Decisions;
  readonly #options: JetStreamStoreOptions;

  constructor(options: JetStreamStoreOptions) {
    const { nats, way, switchboard, audit, process, run, admission } = options;
    const connection = new NatsConnection(nats, process, way);
    const decisions = new Decisions(audit);
    let attempts = 0;
    this.#options = options;
    this.#decisions = decisions;
    this.connection = connection;
    this.#engine = new Engine({
      ...options,
      objects: new SimulatedStream({
        connection,
        stream: () => nats.objects,
        mode: () => nats.mode,
        onSent: (record) => decisions.sent(record),
      }),
      leases: new SimulatedStream({
        connection,
        stream: () => nats.leases,
        mode: () => 'serial',
        create: () => connection.send(() => nats.createLeases()),
      }),
      subjects: OBJECTS,
      leaseSubjects: LEASES,
      channel: createSimulatedChannel(switchboard, connection),
      clock: process.clock,
      admission: (before, writes, actor) => {
        admission(before, writes, actor);
        decisions.admitted(before, writes, actor);
      },
      newAttempt: () => {
        const attempt = `${run}-${attempts++}`;
        decisions.madeAttempt(attempt);
        return attempt;
      },
      disconnectedSinceMs: () => connection.lostSinceMs,
    });
    this.loaded = this.#engine.loaded;
  }

  get state(): Reader {
    return this.#engine.state;
  }

  get health(): StoreHealth {
    return this.#engine.health;
  }

  async commit<T>(
    actor: Actor,
    decide: (state: Reader) => Decision<T>,
    hint?: CommitHint,
  ): Promise<Committed<T>> {
    const { audit, process, run } = this.#options;
    if (!process.isAlive) return never();
    const call = audit.begin(run, actor);
    const marked: MarkedActor = { ...actor, call: call.number };
    try {
      const committed = await this.#engine.commit(marked, this.#decisions.watch(call, decide), hint);
      audit.committed(call, committed);
      return committed;
    } catch (error) {
      audit.failed(call, error);
      throw error;
    }
  }

  subscribe(options: WatchOptions, onChange: (change: Change) => void): void {
    this.#engine.subscribe(options, onChange);
  }

  barrier(): Promise<number> {
    return this.#engine.barrier();
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}
