/**
 * Names of the kinds for the command line, without their schemas: those take longer to load than a command takes to run.
 * Not a second source of truth: a test holds this table against `KINDS`.
 */
import { PLURALS } from '../client/paths.ts';
import type { KindName } from '../kinds/index.ts';
import { UsageError } from './exit.ts';

export interface KindNames {
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  /** Written by mill itself. */
  readonly internal?: true;
}

export const KIND_NAMES: Readonly<Record<KindName, KindNames>> = {
  Node: { plural: PLURALS.Node, singular: 'node', shortNames: ['no'], description: 'a machine of the fleet' },
  Service: {
    plural: PLURALS.Service,
    singular: 'service',
    shortNames: ['svc'],
    description: 'replicas of a workload, kept healthy and routed',
  },
  Task: {
    plural: PLURALS.Task,
    singular: 'task',
    shortNames: [],
    description: 'a workload that runs once, to its end',
  },
  Alloc: {
    plural: PLURALS.Alloc,
    singular: 'alloc',
    shortNames: ['al'],
    description: 'one instance of a service or a task, placed on a node',
    internal: true,
  },
  Volume: {
    plural: PLURALS.Volume,
    singular: 'volume',
    shortNames: ['vol'],
    description: 'data that outlives its allocs and moves with them',
  },
  Migration: {
    plural: PLURALS.Migration,
    singular: 'migration',
    shortNames: ['mig'],
    description: 'one alloc of a service on its way to a replacement',
    internal: true,
  },
  Peer: {
    plural: PLURALS.Peer,
    singular: 'peer',
    shortNames: [],
    description: 'a node in the WireGuard mesh',
    internal: true,
  },
  Endpoints: {
    plural: PLURALS.Endpoints,
    singular: 'endpoints',
    shortNames: ['ep'],
    description: 'the allocs of a service that may get requests',
    internal: true,
  },
  Lease: {
    plural: PLURALS.Lease,
    singular: 'lease',
    shortNames: [],
    description: 'a heartbeat, and how far its holder has followed the store',
    internal: true,
  },
  Leadership: {
    plural: PLURALS.Leadership,
    singular: 'leadership',
    shortNames: ['lead'],
    description: 'which of several servers runs a controller, or decides the commits',
    internal: true,
  },
  Event: {
    plural: PLURALS.Event,
    singular: 'event',
    shortNames: ['ev'],
    description: 'who did what to which object, and why',
    internal: true,
  },
  Credential: {
    plural: PLURALS.Credential,
    singular: 'credential',
    shortNames: ['cred'],
    description: "proof of a node's agent; delete a revoked one to let the name join again",
    internal: true,
  },
};

const KIND_LIST = Object.keys(KIND_NAMES) as KindName[];

const byAnyName = new Map<string, KindName>();
for (const kind of KIND_LIST) {
  const { plural, singular, shortNames } = KIND_NAMES[kind];
  for (const name of [kind.toLowerCase(), plural, singular, ...shortNames]) byAnyName.set(name, kind);
}

/** The kind that a person means by `nodes`, `node`, `no`, `Node` or `nodes.mill.dev`; undefined where there is none. */
export const lookUpKind = (word: string): KindName | undefined =>
  byAnyName.get(word.toLowerCase().replace(/\.(v1alpha1\.)?mill\.dev$/, ''));

/**
 * The kind that a word on the command line means.
 * @throws UsageError where there is none, with the kinds there are
 */
export function kindOf(word: string): KindName {
  const kind = lookUpKind(word);
  if (kind) return kind;
  const known = KIND_LIST.map((name) => KIND_NAMES[name].plural).join(', ');
  throw new UsageError(`there is no kind "${word}"; there are ${known}`);
}

/** An object as a person names it: `node/node-3`. */
export const objectName = (kind: KindName, name: string): string => `${KIND_NAMES[kind].singular}/${name}`;

/** One object that the command line names. */
export interface ObjectReference {
  readonly kind: KindName;
  readonly name: string;
}

/**
 * The objects that words name: `KIND NAME…`, or `KIND/NAME …`; a lone `KIND[,KIND]` gives kinds without names.
 * @throws UsageError where they mix, or a kind is unknown
 */
export function readTargets(words: readonly string[]): { kinds: KindName[]; objects: ObjectReference[] } {
  const [first, ...rest] = words;
  if (first === undefined) throw new UsageError('a KIND or KIND/NAME is missing');
  if (first.includes('/')) return { kinds: [], objects: words.map(readReference) };
  const kinds = first.split(',').map(kindOf);
  const [kind] = kinds;
  if (rest.length === 0 || kind === undefined) return { kinds, objects: [] };
  if (kinds.length > 1) throw new UsageError('names go with one kind, or write KIND/NAME for each');
  const slashed = rest.find((name) => name.includes('/'));
  if (slashed) throw new UsageError(`write either KIND NAME… or KIND/NAME…, not both ("${slashed}")`);
  return { kinds: [], objects: rest.map((name) => ({ kind, name })) };
}

function readReference(word: string): ObjectReference {
  const [kind, name, more] = word.split('/');
  if (!kind || !name || more !== undefined) throw new UsageError(`"${word}" is not KIND/NAME`);
  return { kind: kindOf(kind), name };
}
