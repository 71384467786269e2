/** The JetStream engine: the store in a NATS cluster, shared by any number of servers. */
import { randomBytes } from 'node:crypto';
import type { NatsConnection } from 'nats';
import type { Admission, Reader, Store } from '../../../api/store.ts';
import { JetStreamApi } from './api.ts';
import { hasBatches, openLeases, recommendation, traitsOf, versionOf } from './bucket.ts';
import { Contact, connectToNats, type NatsOptions } from './connection.ts';
import { Engine } from './engine.ts';
import { Memory } from './memory.ts';
import { createNatsChannel } from './nats-channel.ts';
import { NatsStream, type NatsStreamOptions } from './nats-stream.ts';
import { type BucketOptions, leaseSubjects, type Opened, openBucket, whenReady } from './opening.ts';
import { SharedSecrets } from './secrets.ts';
import { Subjects } from './subjects.ts';
import { Tombstones } from './tombstones.ts';

export interface JetStreamStoreOptions extends BucketOptions {
  readonly nats: NatsOptions;
  /** Unique among the servers, and a token of a NATS subject. */
  readonly serverId: string;
  readonly admission: Admission;
  /** How many changes a watcher may be behind; 8,192 where absent. */
  readonly historyLimit?: number;
  /** Id of the server that commits for all; undefined: none does. Absent: this one does. */
  readonly writer?: (state: Reader) => string | undefined;
}

export interface JetStreamStore extends Store {
  readonly clusterId: string;
  /** The NATS servers that keep the log, as its leader sees them. @throws Error where there is no leader */
  replicas(): Promise<readonly { readonly name: string; readonly online: boolean }[]>;
  /** A secret that all servers of the cluster share; made by whoever comes first. */
  secret(name: string, make: () => Promise<string>): Promise<string>;
}

/**
 * Connects, makes the bucket where there never was one, and reads it whole.
 * @throws Error in one line where NATS cannot be reached, is too old, or has another log than this server remembers
 */
export async function openJetStreamStore(options: JetStreamStoreOptions): Promise<JetStreamStore> {
  const { nats, bucket, serverId, clock, log } = options;
  const connection = await whenReady(options, () => connectToNats(nats, `mill server ${serverId}`));
  try {
    const startedMs = clock.now();
    const store = new NatsBackedStore(options, connection, await openBucket(options, connection));
    await store.load();
    const { revision } = store.engine.state;
    log.info(
      { bucket, revision, nats: versionOf(connection), tookMs: clock.now() - startedMs },
      'store opened',
    );
    const advice = recommendation(connection);
    if (advice !== undefined) log.warn({ bucket }, advice);
    return store;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

type Common = Pick<NatsStreamOptions, 'connection' | 'clock' | 'log' | 'isConnected'>;

class NatsBackedStore implements JetStreamStore {
  readonly engine: Engine;
  readonly clusterId: string;
  readonly #connection: NatsConnection;
  readonly #api: JetStreamApi;
  readonly #options: JetStreamStoreOptions;
  readonly #opened: Opened;
  readonly #subjects: Subjects;
  readonly #abort = new AbortController();
  readonly #memory: Memory;

  constructor(options: JetStreamStoreOptions, connection: NatsConnection, opened: Opened) {
    const { bucket, clock, log, serverId, writer = () => serverId } = options;
    this.#options = options;
    this.#connection = connection;
    this.#opened = opened;
    this.#api = new JetStreamApi(connection);
    this.#subjects = new Subjects(bucket);
    this.clusterId = opened.identity.cluster;
    const contact = new Contact(connection, clock, log);
    const isConnected = () => contact.lostSinceMs === undefined;
    const common = { connection, clock, log, isConnected };
    const { signal } = this.#abort;
    const isMine = () => [undefined, serverId].includes(writer(this.engine.state));
    const purge = (subject: string, upTo: number) => this.#api.purge(this.#subjects.stream, subject, upTo);
    const lastRevision = () => this.engine.lastRecord.revision;
    const tombstones = new Tombstones({ clock, log, isMine, lastRevision, purge, signal });
    this.engine = new Engine({
      ...options,
      writer,
      server: serverId,
      subjects: this.#subjects,
      leaseSubjects: leaseSubjects(bucket),
      objects: this.#objects(common),
      leases: this.#leases(common),
      channel: createNatsChannel(connection, bucket, log),
      newAttempt: attempts(),
      disconnectedSinceMs: () => contact.lostSinceMs,
      onRecord: (record) => tombstones.note(record),
    });
    const { created } = opened.info;
    const lastRecord = () => this.engine.lastRecord;
    this.#memory = new Memory({ ...options, cluster: this.clusterId, created, lastRecord, signal });
  }

  /** @throws Error where the log cannot be read */
  async load(): Promise<void> {
    try {
      await this.engine.loaded;
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#memory.begin();
  }

  get state() {
    return this.engine.state;
  }

  get health() {
    return this.engine.health;
  }

  commit: Store['commit'] = (actor, decide, hint) => this.engine.commit(actor, decide, hint);
  subscribe: Store['subscribe'] = (options, onChange) => this.engine.subscribe(options, onChange);
  barrier: Store['barrier'] = () => this.engine.barrier();

  async replicas() {
    const info = await this.#api.streamInfo(this.#subjects.stream);
    if (info && !info.cluster) return [{ name: this.#connection.info?.server_name ?? '', online: true }];
    const { leader, replicas = [] } = info?.cluster ?? {};
    const others = replicas.map(({ name, current, offline }) => ({ name, online: current && !offline }));
    return [...(leader ? [{ name: leader, online: true }] : []), ...others];
  }

  secret(name: string, make: () => Promise<string>): Promise<string> {
    const { num_replicas: replicas } = this.#opened.info.config;
    const secrets = new SharedSecrets(this.#connection, this.#api, this.#options.bucket, replicas);
    return whenReady(this.#options, () => secrets.get(name, make));
  }

  async close(): Promise<void> {
    await this.engine.close();
    this.#abort.abort();
    await this.#memory.remember();
    await this.#connection.close();
  }

  #objects(common: Common): NatsStream {
    const { info } = this.#opened;
    return new NatsStream({
      ...common,
      stream: this.#subjects.stream,
      compares: 'stream',
      traits: traitsOf(info, this.#connection),
      checksIds: info.config.num_replicas === 1,
      hasBatches: hasBatches(info, this.#connection),
    });
  }

  #leases(common: Common): NatsStream {
    const { bucket, clock } = this.#options;
    const { info } = this.#opened;
    const subjects = leaseSubjects(bucket);
    const maxRecordBytes = this.#connection.info?.max_payload ?? 0;
    const options = { api: this.#api, connection: this.#connection, subjects };
    return new NatsStream({
      ...common,
      stream: subjects.stream,
      compares: 'subject',
      traits: { mode: 'serial', maxRecordBytes },
      create: async () => {
        await openLeases(options, info.config.num_replicas, clock.now());
      },
    });
  }
}

/** Ids of this run's commits. */
function attempts(): () => string {
  const run = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${run}-${(count++).toString(36)}`;
}
