/** The options by which a server process finds the NATS cluster that keeps its state; each also as an environment variable. */
import { type Command, Option } from 'commander';
import { UsageError } from './exit.ts';
import type { NatsTarget } from './processes.ts';
import type { Environment } from './surroundings.ts';

const DEFAULT_BUCKET = 'mill';
/** Part of the streams' names and subjects; `_` sets apart what mill adds to it. */
const BUCKET = /^[A-Za-z0-9-]{1,64}$/;
/** `nats://` or `tls://` may stand before each; user and password have options of their own, which others cannot see. */
const URL_PATTERN = /^(?:(?:nats|tls):\/\/)?(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]@?#]+)(?::(\d{1,5}))?\/?$/;
const MAX_PORT = 65_535;

export interface NatsFlags {
  readonly nats?: string;
  readonly bucket?: string;
  readonly replicas?: string;
  readonly natsUser?: string;
  readonly natsPasswordFile?: string;
  readonly natsCreds?: string;
  readonly natsCa?: string;
  readonly natsCert?: string;
  readonly natsKey?: string;
}

/** Option → its environment variable, what it takes, and what it is. */
const OPTIONS: Readonly<Record<keyof NatsFlags, readonly [variable: string, flag: string, what: string]>> = {
  nats: ['MILL_NATS', '--nats <urls>', 'keep the state in NATS JetStream, at URL,URL,…'],
  bucket: ['MILL_NATS_BUCKET', '--bucket <name>', `name of the state in NATS (default: ${DEFAULT_BUCKET})`],
  replicas: [
    'MILL_NATS_REPLICAS',
    '--replicas <n>',
    'NATS servers that keep a copy: 1, 3 or 5 (default: 3 where the cluster has them, else 1)',
  ],
  natsUser: ['MILL_NATS_USER', '--nats-user <name>', 'user at NATS'],
  natsPasswordFile: [
    'MILL_NATS_PASSWORD_FILE',
    '--nats-password-file <file>',
    "file with that user's password",
  ],
  natsCreds: ['MILL_NATS_CREDS', '--nats-creds <file>', 'credentials file (JWT and seed) for NATS'],
  natsCa: ['MILL_NATS_CA', '--nats-ca <file>', "PEM file with the CA of the NATS servers' certificates"],
  natsCert: ['MILL_NATS_CERT', '--nats-cert <file>', 'PEM file with the certificate to show to NATS'],
  natsKey: ['MILL_NATS_KEY', '--nats-key <file>', 'PEM file with the key of that certificate'],
};
const NAMES = Object.keys(OPTIONS) as (keyof NatsFlags)[];

export function addNatsOptions(command: Command): Command {
  for (const name of NAMES) {
    const [variable, flag, what] = OPTIONS[name];
    command.addOption(new Option(flag, `${what} (${variable})`));
  }
  return command;
}

/** The part of a process's options that is about NATS. @throws UsageError as `natsTarget` */
export function natsPart(flags: NatsFlags, env: Environment): { readonly nats?: NatsTarget } {
  const nats = natsTarget(flags, env);
  return nats === undefined ? {} : { nats };
}

/**
 * Flags before environment.
 * @returns undefined where the state is not kept in NATS
 * @throws UsageError where an option is wrong, or means nothing by itself
 */
function natsTarget(flags: NatsFlags, env: Environment): NatsTarget | undefined {
  const given = new Map<keyof NatsFlags, string>();
  for (const name of NAMES) {
    const value = flags[name] ?? env[OPTIONS[name][0]];
    if (value !== undefined && (value !== '' || flags[name] !== undefined)) given.set(name, value);
  }
  const urls = given.get('nats');
  if (urls === undefined) {
    const stray = NAMES.find((name) => flags[name] !== undefined);
    if (stray) throw new UsageError(`${spelling(stray)} is about NATS: give --nats as well`);
    return undefined;
  }
  checkTogether(given);
  const [replicas, user, passwordFile, credentialsFile] = [
    given.get('replicas'),
    given.get('natsUser'),
    given.get('natsPasswordFile'),
    given.get('natsCreds'),
  ];
  return {
    servers: serversOf(urls),
    bucket: bucketOf(given.get('bucket') ?? DEFAULT_BUCKET),
    ...(replicas === undefined ? {} : { replicas: replicasOf(replicas) }),
    ...(user === undefined ? {} : { user }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
    ...(credentialsFile === undefined ? {} : { credentialsFile }),
    ...tlsOf(given),
  };
}

function tlsOf(given: ReadonlyMap<keyof NatsFlags, string>): Pick<NatsTarget, 'tls'> {
  const [caFile, certFile, keyFile] = [given.get('natsCa'), given.get('natsCert'), given.get('natsKey')];
  if (caFile === undefined && certFile === undefined) return {};
  return {
    tls: {
      ...(caFile === undefined ? {} : { caFile }),
      ...(certFile === undefined ? {} : { certFile }),
      ...(keyFile === undefined ? {} : { keyFile }),
    },
  };
}

function serversOf(text: string): string[] {
  const urls = text.split(',').map((url) => url.trim());
  for (const url of urls) {
    if (url.includes('@'))
      throw new UsageError(
        '--nats: leave the user out of the URL: give --nats-user and --nats-password-file, or --nats-creds',
      );
    const [matched, port = '4222'] = URL_PATTERN.exec(url) ?? [];
    if (matched === undefined || Number(port) < 1 || Number(port) > MAX_PORT)
      throw new UsageError(
        `--nats "${url}": write URLs such as nats://10.0.0.1:4222, with commas between them`,
      );
  }
  return urls;
}

function bucketOf(text: string): string {
  if (BUCKET.test(text)) return text;
  throw new UsageError(`--bucket "${text}": letters, digits and "-", 64 at most`);
}

function replicasOf(text: string): 1 | 3 | 5 {
  if (text === '1' || text === '3' || text === '5') return Number(text) as 1 | 3 | 5;
  throw new UsageError(`--replicas "${text}": 1, 3 or 5`);
}

function checkTogether(given: ReadonlyMap<keyof NatsFlags, string>): void {
  for (const [one, other] of [
    ['natsUser', 'natsPasswordFile'],
    ['natsPasswordFile', 'natsUser'],
    ['natsCert', 'natsKey'],
    ['natsKey', 'natsCert'],
  ] as const) {
    if (given.has(one) && !given.has(other))
      throw new UsageError(`${spelling(one)} needs ${spelling(other)}`);
  }
  if (given.has('natsUser') && given.has('natsCreds'))
    throw new UsageError('give --nats-user or --nats-creds, not both');
  for (const [name, value] of given) if (value === '') throw new UsageError(`${spelling(name)} is empty`);
}

const spelling = (name: keyof NatsFlags): string => OPTIONS[name][1].split(' ')[0] ?? name;
