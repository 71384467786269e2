/** The JetStream engine: the store in a NATS cluster, shared by any number of servers. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { type Clock, repeat, sleep } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import type { Admission, Reader, Store } from '../../../api/store.ts';
import { JetStreamApi, type StreamInfo } from './api.ts';
import {
  hasBatches,
  openLeases,
  openObjects,
  type Replicas,
  recommendation,
  traitsOf,
  versionOf,
} from './bucket.ts';
import { Contact, connectToNats, type NatsOptions } from './connection.ts';
import { Engine } from './engine.ts';
import { checkIdentity, type Identity } from './genesis.ts';
import { BehindError, writeMemory } from './identity.ts';
import { createNatsChannel } from './nats-channel.ts';
import { NatsStream, type NatsStreamOptions } from './nats-stream.ts';
import { SharedSecrets } from './secrets.ts';
import { Subjects } from './subjects.ts';
import { Tombstones } from './tombstones.ts';

/** A cluster that boots for the first time was seen to take over ten seconds until it takes streams. */
const START_WAIT_MS = 60_000;
const START_PAUSE_MS = 250;
/** A leader that was paused, and has been replaced meanwhile, may answer before it learns of that: it is asked again. */
const LOOKS_BEFORE_LOST = 20;
/** How much later than the log the file that remembers it may be. */
const REMEMBER_EVERY_MS = 2_000;
const MEMORY_FILE = 'nats.json';

export interface JetStreamStoreOptions {
  readonly nats: NatsOptions;
  /** Name of the key-value bucket; another is another store. */
  readonly bucket: string;
  /** Where this server remembers which log it follows. */
  readonly dir: string;
  /** Unique among the servers, and a token of a NATS subject. */
  readonly serverId: string;
  /** Absent: as many as there are; three in a new bucket of a cluster. */
  readonly replicas?: Replicas;
  readonly clock: Clock;
  readonly log: Log;
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
  const connection = await connectToNats(nats, `mill server ${serverId}`);
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

interface Opened {
  readonly identity: Identity;
  readonly info: StreamInfo;
}

function openBucket(options: JetStreamStoreOptions, connection: NatsConnection): Promise<Opened> {
  const api = new JetStreamApi(connection);
  return whenReady(options, () => tryToOpen(options, connection, api));
}

/** A NATS cluster that has just been started is waited for. */
async function whenReady<T>(
  { clock, log }: Pick<JetStreamStoreOptions, 'clock' | 'log'>,
  work: () => Promise<T>,
): Promise<T> {
  const deadlineMs = clock.now() + START_WAIT_MS;
  let looks = 0;
  let isSaid = false;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isPassing = isOfNats(error) || (error instanceof BehindError && ++looks < LOOKS_BEFORE_LOST);
      if (!isPassing || clock.now() >= deadlineMs) throw inOneLine(error);
      const reason = error instanceof Error ? error.message : String(error);
      if (!isSaid) log.warn({ reason, forMs: START_WAIT_MS }, 'NATS is not ready yet: it is waited for');
      isSaid = true;
      await sleep(clock, START_PAUSE_MS);
    }
  }
}

async function tryToOpen(
  { bucket, dir, replicas, clock }: JetStreamStoreOptions,
  connection: NatsConnection,
  api: JetStreamApi,
): Promise<Opened> {
  const subjects = new Subjects(bucket);
  const path = join(dir, MEMORY_FILE);
  const wanted = replicas === undefined ? {} : { replicas };
  const common = { api, connection, ...wanted };
  const identity = await checkIdentity({
    api,
    connection,
    subjects,
    path,
    open: (mayCreate) => openObjects({ ...common, subjects }, mayCreate),
  });
  const { num_replicas: count } = identity.info.config;
  await openLeases({ ...common, subjects: leaseSubjects(bucket) }, count, clock.now());
  return { identity, info: identity.info };
}

const leaseSubjects = (bucket: string): Subjects => new Subjects(`${bucket}_leases`);

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
  /** Until then less has been read than was remembered. */
  #isLoaded = false;
  #remembered = 0;
  #remembering = Promise.resolve();

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
  }

  /** @throws Error where the log cannot be read */
  async load(): Promise<void> {
    const { signal } = this.#abort;
    try {
      await this.engine.loaded;
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#isLoaded = true;
    repeat(this.#options.clock, REMEMBER_EVERY_MS, signal, () => this.#remember());
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
    await this.#remember();
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

  /** One after the other: they write the same file. */
  #remember(): Promise<void> {
    const { log } = this.#options;
    this.#remembering = this.#remembering
      .then(() => this.#writeMemory())
      .catch((error: Error) =>
        log.warn({ error: error.message }, 'the file that remembers the log cannot be written'),
      );
    return this.#remembering;
  }

  async #writeMemory(): Promise<void> {
    const { revision, id } = this.engine.lastRecord;
    if (!this.#isLoaded || revision === this.#remembered || id === '') return;
    const { created } = this.#opened.info;
    const path = join(this.#options.dir, MEMORY_FILE);
    await writeMemory(path, { cluster: this.clusterId, created, revision, id });
    this.#remembered = revision;
  }
}

/** Ids of this run's commits. */
function attempts(): () => string {
  const run = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${run}-${(count++).toString(36)}`;
}

/** While a cluster elects its leaders: no answer, no leader, no peers yet. What mill says itself is final. */
const isOfNats = (error: unknown): boolean =>
  error instanceof Error && ['NatsError', 'JetStreamError'].includes(error.name);

const inOneLine = (error: unknown): Error => {
  if (!isOfNats(error)) return error as Error;
  return new Error(`NATS is not ready to keep the state: ${(error as Error).message}`, { cause: error });
};
