/** The NATS servers of a cluster, as they were measured to behave, with the two streams that they keep for mill. */
import { ATTEMPT, PREVIOUS, STORE } from '../../../runtime/store/jetstream/records.ts';
import { ANYWHERE, type Outgoing, type SendingMode } from '../../../runtime/store/jetstream/stream.ts';
import { Subjects } from '../../../runtime/store/jetstream/subjects.ts';
import type { Random } from '../randomness.ts';
import type { Timeline } from '../timeline.ts';
import type { NatsPlan } from './plan.ts';
import { isHealthy, type NatsServer, ReplicatedStream } from './replicated-stream.ts';
import { type Stored, StreamLog } from './stream-log.ts';

export const OBJECTS = new Subjects('mill');
export const LEASES = new Subjects('mill_leases');

/** As `bucket.ts` sets the streams up. */
const OBJECT_VERSIONS = 2;
const LEASE_VERSIONS = 1;

/** The first record, which names the cluster (`genesis.ts`). */
const GENESIS: Outgoing = {
  subject: OBJECTS.internal(STORE),
  after: ANYWHERE,
  isChained: false,
  headers: { [ATTEMPT]: 'genesis', [PREVIOUS]: '' },
  data: '{}',
};

export interface NatsOptions {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly plan: NatsPlan;
  readonly onObjects: (records: readonly Stored[]) => void;
  /** @param offset what is added to a sequence to get its revision */
  readonly onLeases: (records: readonly Stored[], offset: number) => void;
  /** All leases are lost with the memory that they were in. */
  readonly onLeasesLost: () => void;
}

export class SimulatedNats {
  readonly servers: readonly NatsServer[];
  objects: ReplicatedStream;
  /** Undefined after all servers were away at once, until somebody makes it anew. */
  leases: ReplicatedStream | undefined;
  readonly #options: NatsOptions;
  readonly #watchers = new Set<() => void>();
  #streams = 0;

  constructor(options: NatsOptions) {
    const { replicas } = options.plan;
    this.#options = options;
    this.servers = Array.from({ length: replicas }, (_, index) => ({
      name: `nats-${index}`,
      isUp: true,
      isPaused: false,
      deaths: 0,
    }));
    this.objects = this.#stream('objects', options.onObjects);
    this.leases = this.#leaseStream();
    this.objects.take([GENESIS], () => {});
  }

  /** How records are sent now. */
  get mode(): SendingMode {
    const { plan, timeline } = this.#options;
    const { mode, togetherForMs } = plan;
    const isTogether =
      togetherForMs !== undefined && Math.floor(timeline.elapsedMs / togetherForMs) % 2 === 1;
    return isTogether ? 'batches' : mode;
  }

  get healthy(): readonly NatsServer[] {
    return this.servers.filter(isHealthy);
  }

  /** Calls back whenever a server went away, came back, was stopped or goes on; the returned function ends that. */
  onChange(callback: () => void): () => void {
    this.#watchers.add(callback);
    return () => this.#watchers.delete(callback);
  }

  /** SIGKILL; what is on disk stays. */
  kill(servers: readonly NatsServer[]): void {
    for (const server of servers) {
      Object.assign(server, { isUp: false, isPaused: false, deaths: server.deaths + 1 });
    }
    if (this.servers.every(({ isUp }) => !isUp) && this.leases) {
      this.leases = undefined;
      this.#options.onLeasesLost();
    }
    this.#changed();
  }

  pause(server: NatsServer): void {
    if (!server.isUp) return;
    server.isPaused = true;
    this.#changed();
  }

  /** Whatever is wrong with them is over. */
  mend(servers: readonly NatsServer[]): void {
    for (const server of servers) Object.assign(server, { isUp: true, isPaused: false });
    this.#changed();
  }

  createLeases(): void {
    this.leases ??= this.#leaseStream();
  }

  #changed(): void {
    this.objects.serversChanged();
    this.leases?.serversChanged();
    for (const callback of [...this.#watchers]) callback();
  }

  #leaseStream(): ReplicatedStream {
    const offset = Math.floor(this.#options.timeline.nowMs);
    const description = `mill: leases, revisions from ${offset}`;
    return this.#stream(description, (records) => this.#options.onLeases(records, offset));
  }

  #stream(description: string, onCommitted: (records: readonly Stored[]) => void): ReplicatedStream {
    const { timeline, random, plan } = this.#options;
    const isLeases = description !== 'objects';
    this.#streams += 1;
    const log = new StreamLog({
      compares: isLeases ? 'subject' : 'stream',
      versionsKept: isLeases ? LEASE_VERSIONS : OBJECT_VERSIONS,
      checksIds: !isLeases && plan.mode === 'pipelined',
    });
    return new ReplicatedStream({
      timeline,
      random,
      servers: this.servers,
      log,
      created: `stream ${this.#streams}`,
      description,
      looksForDuplicatesFirst: plan.looksForDuplicatesFirst,
      onCommitted,
    });
  }
}
