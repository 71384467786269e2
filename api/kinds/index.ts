/** All kinds that mill knows, by name and by the other names that people use for them. */
import { type Alloc, allocKind } from './alloc.ts';
import { type Credential, credentialKind } from './credential.ts';
import { type Endpoints, endpointsKind } from './endpoints.ts';
import { type Event, eventKind } from './event.ts';
import type { KindDefinition } from './kind.ts';
import { type Leadership, leadershipKind } from './leadership.ts';
import { type Lease, leaseKind } from './lease.ts';
import { type Migration, migrationKind } from './migration.ts';
import { type Node, nodeKind } from './node.ts';
import { type Peer, peerKind } from './peer.ts';
import { type Service, serviceKind } from './service.ts';
import { type Task, taskKind } from './task.ts';
import { type Volume, volumeKind } from './volume.ts';

export interface KindMap {
  Node: Node;
  Service: Service;
  Task: Task;
  Alloc: Alloc;
  Volume: Volume;
  Migration: Migration;
  Peer: Peer;
  Endpoints: Endpoints;
  Lease: Lease;
  Leadership: Leadership;
  Event: Event;
  Credential: Credential;
}
export type KindName = keyof KindMap;
export type ObjectOf<K extends KindName> = KindMap[K];
export type AnyObject = KindMap[KindName];

const NO_OWNERS: readonly string[] = [];

/** Index that every kind has: the uids of its owners, for the cascade of a delete. */
export const OWNER_UID_INDEX = 'ownerUid';

function withOwnerIndex<O extends AnyObject>(definition: KindDefinition<O>): KindDefinition<O> {
  const owners = (object: O) => object.metadata.ownerReferences?.map((owner) => owner.uid) ?? NO_OWNERS;
  return { ...definition, indexes: { ...definition.indexes, [OWNER_UID_INDEX]: owners } };
}

export const KINDS: { readonly [K in KindName]: KindDefinition<KindMap[K]> } = {
  Node: withOwnerIndex(nodeKind),
  Service: withOwnerIndex(serviceKind),
  Task: withOwnerIndex(taskKind),
  Alloc: withOwnerIndex(allocKind),
  Volume: withOwnerIndex(volumeKind),
  Migration: withOwnerIndex(migrationKind),
  Peer: withOwnerIndex(peerKind),
  Endpoints: withOwnerIndex(endpointsKind),
  Lease: withOwnerIndex(leaseKind),
  Leadership: withOwnerIndex(leadershipKind),
  Event: withOwnerIndex(eventKind),
  Credential: withOwnerIndex(credentialKind),
};
export const KIND_NAMES = Object.keys(KINDS) as KindName[];

/** The definition of a kind, for code that does not know which one it has. */
export const kindDefinition = (kind: KindName): KindDefinition<AnyObject> =>
  KINDS[kind] as unknown as KindDefinition<AnyObject>;

/** True for kinds that live in memory only. */
export const isEphemeral = (kind: KindName): boolean => kindDefinition(kind).ephemeral === true;

const byAnyName = new Map<string, KindName>();
for (const kind of KIND_NAMES) {
  const { plural, singular, shortNames } = KINDS[kind];
  for (const name of [kind.toLowerCase(), plural, singular, ...shortNames]) byAnyName.set(name, kind);
}

/** The kind that a person means by `nodes`, `node`, `no`, `Node` or `nodes.mill.dev`. */
export const findKind = (word: string): KindName | undefined =>
  byAnyName.get(word.toLowerCase().replace(/\.(v1alpha1\.)?mill\.dev$/, ''));
