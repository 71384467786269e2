/** Reads a bucket's log from its beginning, as a server that starts would, and says what is there. Changes nothing. */
import type { NatsConnection } from 'nats';
import type { Problem } from '../../../api/audit/check.ts';
import type { Clock } from '../../../api/clock.ts';
import { silentLog } from '../../../api/log.ts';
import type { Reader } from '../../../api/store.ts';
import type { JetStreamApi, StreamInfo } from './api.ts';
import { checkReplicas, traitsOf, versionOf } from './bucket.ts';
import { FORMAT, readGenesis } from './genesis.ts';
import { LogReading } from './log-reading.ts';
import { NatsStream } from './nats-stream.ts';
import { Subjects } from './subjects.ts';

export interface BucketReport {
  readonly state: Reader;
  readonly revision: number;
  /** Id of the cluster; absent where no record names it. */
  readonly cluster?: string;
  readonly facts: Readonly<Record<string, string | number>>;
  readonly warnings: readonly string[];
  /** Of the stream and its records; the objects by themselves are not judged. */
  readonly problems: readonly Problem[];
}

export interface BucketVerifyOptions {
  readonly connection: NatsConnection;
  readonly api: JetStreamApi;
  readonly bucket: string;
  readonly clock: Clock;
}

/** @throws Error in one line where there is no such bucket, or nobody answers */
export async function verifyBucket(options: BucketVerifyOptions): Promise<BucketReport> {
  const { connection, api, bucket, clock } = options;
  const subjects = new Subjects(bucket);
  const info = await api.streamInfo(subjects.stream);
  if (!info) throw new Error(`there is no bucket ${bucket}: stream ${subjects.stream} does not exist`);
  const genesis = await readGenesis({ api, subjects });
  const traits = traitsOf(info, connection);
  const stream = new NatsStream({
    connection,
    clock,
    log: silentLog,
    stream: subjects.stream,
    compares: 'stream',
    traits,
  });
  const reading = new LogReading(subjects, clock);
  await reading.follow(stream);
  const problems = [
    ...streamProblems(info, connection),
    ...genesisProblems(genesis, subjects),
    ...reading.problems,
  ];
  return {
    state: reading.state,
    revision: reading.state.revision,
    ...(genesis ? { cluster: genesis.cluster } : {}),
    facts: {
      nats: versionOf(connection),
      replicas: info.config.num_replicas,
      records: reading.records,
    },
    warnings: laggards(info),
    problems,
  };
}

const at = (path: string, message: string): Problem => ({ object: '', path, message });

/** Settings by which a stream keeps all that is acknowledged. */
const KEEPING = { storage: 'file', retention: 'limits', discard: 'new', max_age: 0 } as const;

function streamProblems(info: StreamInfo, connection: NatsConnection): Problem[] {
  const { name, ...settings } = info.config;
  const problems = Object.entries(KEEPING)
    .filter(([setting, value]) => (settings[setting] ?? value) !== value)
    .map(([setting, value]) =>
      at(
        `stream ${name}`,
        `its ${setting} is ${settings[setting]}: it must be ${value}, or objects get lost`,
      ),
    );
  try {
    checkReplicas(connection, info.config.num_replicas);
  } catch (error) {
    problems.push(at(`stream ${name}`, (error as Error).message));
  }
  return problems;
}

function genesisProblems(genesis: Awaited<ReturnType<typeof readGenesis>>, { stream }: Subjects): Problem[] {
  if (!genesis)
    return [
      at(`stream ${stream}`, 'no record names its cluster: it is none of mill, or was restored by halves'),
    ];
  if (genesis.format === FORMAT) return [];
  return [
    at(`stream ${stream}`, `it has format ${genesis.format}, which this version of mill does not read`),
  ];
}

/** Replicas that do not have everything now. */
function laggards({ config, cluster }: StreamInfo): string[] {
  const { replicas = [], leader } = cluster ?? {};
  if (config.num_replicas > 1 && !leader) return [`stream ${config.name} has no leader now`];
  return replicas
    .filter(({ current, offline }) => offline || !current)
    .map(({ name, offline }) => `the replica on ${name} is ${offline ? 'away' : 'behind'}`);
}
