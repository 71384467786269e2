/** Opens the streams of a bucket, as soon as the NATS servers are ready for it. */
import type { NatsConnection } from 'nats';
import { type Clock, sleep } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import { JetStreamApi, type StreamInfo } from './api.ts';
import { openLeases, openObjects, type Replicas } from './bucket.ts';
import { CannotConnect } from './connection.ts';
import { checkIdentity, type Identity } from './genesis.ts';
import { BehindError } from './identity.ts';
import { memoryFile } from './memory.ts';
import { Subjects } from './subjects.ts';

/** Machines that got their power back together start in any order; and a cluster that boots was seen to take over ten seconds. */
const START_WAIT_MS = 60_000;
const START_PAUSE_MS = 250;
/** A leader that was paused, and has been replaced meanwhile, may answer before it learns of that: it is asked again. */
const LOOKS_BEFORE_LOST = 20;

export interface BucketOptions {
  /** Name of the key-value bucket; another is another store. */
  readonly bucket: string;
  /** Where this server remembers which log it follows. */
  readonly dir: string;
  /** Absent: as many as there are; three in a new bucket of a cluster. */
  readonly replicas?: Replicas;
  /** So long NATS is waited for, in ms; default: a minute. */
  readonly startWaitMs?: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Opened {
  readonly identity: Identity;
  readonly info: StreamInfo;
}

/** Makes the streams where there never were any. @throws Error in one line where they cannot be had */
export function openBucket(options: BucketOptions, connection: NatsConnection): Promise<Opened> {
  const api = new JetStreamApi(connection);
  return whenReady(options, () => tryToOpen(options, connection, api));
}

/** A NATS cluster that has just been started is waited for. */
export async function whenReady<T>(
  { clock, log, startWaitMs = START_WAIT_MS }: Pick<BucketOptions, 'clock' | 'log' | 'startWaitMs'>,
  work: () => Promise<T>,
): Promise<T> {
  const deadlineMs = clock.now() + startWaitMs;
  let looks = 0;
  let isSaid = false;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isPassing = isOfNats(error) || (error instanceof BehindError && ++looks < LOOKS_BEFORE_LOST);
      if (!isPassing || clock.now() >= deadlineMs) throw inOneLine(error);
      const reason = error instanceof Error ? error.message : String(error);
      if (!isSaid) log.warn({ reason, forMs: startWaitMs }, 'NATS is not ready yet: it is waited for');
      isSaid = true;
      await sleep(clock, START_PAUSE_MS);
    }
  }
}

async function tryToOpen(
  { bucket, dir, replicas, clock }: BucketOptions,
  connection: NatsConnection,
  api: JetStreamApi,
): Promise<Opened> {
  const subjects = new Subjects(bucket);
  const path = memoryFile(dir);
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

export const leaseSubjects = (bucket: string): Subjects => new Subjects(`${bucket}_leases`);

/** Nobody there yet; or, while a cluster elects its leaders: no answer, no leader, no peers. What mill says itself is final. */
const isOfNats = (error: unknown): boolean =>
  error instanceof CannotConnect
    ? error.mayPass
    : error instanceof Error && ['NatsError', 'JetStreamError'].includes(error.name);

const inOneLine = (error: unknown): Error => {
  if (!isOfNats(error) || error instanceof CannotConnect) return error as Error;
  return new Error(`NATS is not ready to keep the state: ${(error as Error).message}`, { cause: error });
};
