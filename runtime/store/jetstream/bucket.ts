/** Makes the streams of a bucket as mill needs them, and refuses those that would lose or mix up what is written. */
import type { NatsConnection } from 'nats';
import {
  hasErrorCode,
  type JetStreamApi,
  STREAM_NAME_IN_USE,
  type StreamConfig,
  type StreamInfo,
} from './api.ts';
import type { SendingMode, StreamTraits } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** Of each object the last version and the one before: who was away for a moment finds what it missed. */
const VERSIONS_KEPT = 2;
/** Writes of leases in a millisecond, over a stream's whole life: far more than a fleet has. */
const MOST_WRITES_A_MS = 1_000;
/** Ids that the pipeline names are known for so long; mill itself never asks for them. */
const DUPLICATES_NANOS = 1_000_000_000;
/** Below this, servers were measured to lose acknowledged writes of streams with several replicas. */
const REPLICATED_FROM = [2, 10, 27] as const;
/** Before this, a stream that was emptied up to a sequence compares with another one than it has. */
const SKIPS_FROM = [2, 10, 0] as const;
/** From this on servers commit several records together. */
const BATCHES_FROM = [2, 12, 0] as const;

export type Replicas = 1 | 3 | 5;

export interface BucketOptions {
  readonly api: JetStreamApi;
  readonly connection: NatsConnection;
  readonly subjects: Subjects;
  /** Absent: as many as there are; in a new bucket three in a cluster, else one. */
  readonly replicas?: Replicas;
}

/**
 * The stream of the objects, created or brought up to date.
 * @param mayCreate false where this bucket was there before: it is lost then
 * @throws Error in one line where it must not be used
 */
export async function openObjects(options: BucketOptions, mayCreate: boolean): Promise<StreamInfo> {
  const { api, connection, subjects } = options;
  const found = await api.streamInfo(subjects.stream);
  const replicas = options.replicas ?? found?.config.num_replicas ?? defaultReplicas(connection);
  checkReplicas(connection, replicas);
  if (!found && !mayCreate) throw new LostStreamError(subjects.stream);
  const wanted = objectsConfig(options, replicas);
  const { info, isNew } = found ? { info: found, isNew: false } : await create(api, wanted);
  return isNew || isAsWanted(info.config, wanted) ? info : api.updateStream({ ...info.config, ...wanted });
}

/** The stream of the leases, in the servers' memory. Created anew where all of them forgot it. */
export async function openLeases(
  options: BucketOptions,
  replicas: number,
  nowMs: number,
): Promise<StreamInfo> {
  const { api, subjects } = options;
  const found = await api.streamInfo(subjects.stream);
  const config: StreamConfig = {
    ...commonConfig(options),
    // Revisions of a stream that was made anew must be above those of the one before: they begin with the time.
    description: found?.config.description ?? `mill: leases, revisions from ${nowMs * MOST_WRITES_A_MS}`,
    storage: 'memory',
    num_replicas: replicas,
    max_msgs_per_subject: 1,
  };
  if (!found) return (await create(api, config)).info;
  return found.config.num_replicas === replicas ? found : api.updateStream({ ...found.config, ...config });
}

/** What is added to a lease's sequence to get its revision. */
export const leaseOffset = (description: string): number =>
  Number(/revisions from (\d+)/.exec(description)?.[1] ?? 0);

export class LostStreamError extends Error {
  override readonly name = 'LostStreamError';
}

/** How records may be sent to a stream as it is set up. What counts is what the server has taken on, not what it was asked for. */
export function traitsOf(info: StreamInfo, connection: NatsConnection): StreamTraits {
  const maxRecordBytes = connection.info?.max_payload ?? 1_048_576;
  const replicated: SendingMode = hasBatches(info, connection) ? 'batches' : 'serial';
  return { mode: info.config.num_replicas === 1 ? 'pipelined' : replicated, maxRecordBytes };
}

export const hasBatches = ({ config }: StreamInfo, connection: NatsConnection): boolean =>
  config.allow_atomic === true && isAtLeast(versionOf(connection), BATCHES_FROM);

/** @throws Error in one line where these servers cannot begin with a later revision than the first */
export function checkCanSkip(connection: NatsConnection): void {
  if (isAtLeast(versionOf(connection), SKIPS_FROM)) return;
  throw new Error(
    `nats-server ${versionOf(connection)} cannot begin with a later revision, and a restored store must not give out earlier ones again: use 2.10 or newer`,
  );
}

/** What would be better about a server that can be used; undefined: nothing. */
export function recommendation(connection: NatsConnection): string | undefined {
  const version = versionOf(connection);
  if (isAtLeast(version, BATCHES_FROM)) return undefined;
  return `nats-server ${version} works; ${BATCHES_FROM.join('.')} or newer is recommended: it stores several commits in one step`;
}

export const versionOf = (connection: NatsConnection): string => connection.info?.version ?? '0';

async function create(
  api: JetStreamApi,
  config: StreamConfig,
): Promise<{ info: StreamInfo; isNew: boolean }> {
  try {
    return { info: await api.createStream(config), isNew: true };
  } catch (error) {
    if (!hasErrorCode(error, STREAM_NAME_IN_USE)) throw error;
    // Another server was faster, with other settings.
    const info = await api.streamInfo(config.name);
    if (!info) throw error;
    return { info, isNew: false };
  }
}

function objectsConfig(options: BucketOptions, replicas: number): StreamConfig {
  const { connection } = options;
  return {
    ...commonConfig(options),
    description: 'mill: objects',
    storage: 'file',
    num_replicas: replicas,
    max_msgs_per_subject: VERSIONS_KEPT,
    ...(isAtLeast(versionOf(connection), BATCHES_FROM) ? { allow_atomic: true } : {}),
  };
}

const commonConfig = ({ subjects }: BucketOptions) => ({
  name: subjects.stream,
  subjects: [subjects.all],
  retention: 'limits',
  discard: 'new',
  duplicate_window: DUPLICATES_NANOS,
  allow_direct: true,
  deny_delete: true,
});

function isAsWanted(config: StreamConfig, wanted: StreamConfig): boolean {
  return (['num_replicas', 'max_msgs_per_subject', 'allow_atomic'] as const).every(
    (setting) => wanted[setting] === undefined || config[setting] === wanted[setting],
  );
}

/** A lone server has no cluster to its name. */
const defaultReplicas = (connection: NatsConnection): number =>
  connection.info?.cluster === undefined ? 1 : 3;

/** @throws Error in one line where these servers must not keep so many replicas */
export function checkReplicas(connection: NatsConnection, replicas: number): void {
  const version = versionOf(connection);
  if (replicas === 1) return;
  if (!isAtLeast(version, REPLICATED_FROM)) {
    throw new Error(
      `nats-server ${version} loses acknowledged writes of a stream with ${replicas} replicas when a server is killed or ` +
        `paused: use ${REPLICATED_FROM.join('.')} or newer (${BATCHES_FROM.join('.')} is recommended), or one replica`,
    );
  }
  if (connection.info?.cluster !== undefined) return;
  throw new Error(
    `${replicas} replicas need a cluster of NATS servers, and this one is alone: set one up (docs/nats.md), or take one replica`,
  );
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split(/[.-]/).map(Number);
  for (const [index, wanted] of least.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
