/** Objects for tests: a name and what matters; the rest has the defaults that the schemas give. */

import { timestamp } from '../../api/clock.ts';
import type { Alloc, AllocSpec, AllocStatus } from '../../api/kinds/alloc.ts';
import { type AnyObject, type KindName, kindDefinition, type ObjectOf } from '../../api/kinds/index.ts';
import type { Leadership } from '../../api/kinds/leadership.ts';
import type { Lease } from '../../api/kinds/lease.ts';
import type { Migration } from '../../api/kinds/migration.ts';
import type { Node } from '../../api/kinds/node.ts';
import type { Peer } from '../../api/kinds/peer.ts';
import type { Service } from '../../api/kinds/service.ts';
import type { Task } from '../../api/kinds/task.ts';
import type { Template } from '../../api/kinds/template.ts';
import type { Volume } from '../../api/kinds/volume.ts';
import { API_VERSION, type ObjectMeta } from '../../api/meta.ts';
import { checkObject } from '../../api/validation/object.ts';
import { deepFreeze } from '../../runtime/store/frozen.ts';
import { START_MS } from './clock.ts';

/** Any part of `T`, to any depth. */
export type Partly<T> = T extends object ? { readonly [P in keyof T]?: Partly<T[P]> } : T;

/** Spec, status and metadata of a test object: what is left out has its default. */
export type Spec<K extends KindName> = Partly<ObjectOf<K>['spec']>;
export type Status<K extends KindName> = Partial<ObjectOf<K>['status']>;
export type Meta = Partial<ObjectMeta>;

/** A ready node. */
export const node = (
  name: string,
  spec: Spec<'Node'> = {},
  status: Status<'Node'> = {},
  meta: Meta = {},
): Node => build('Node', name, spec, { phase: 'ready', ...status }, meta);

export const service = (
  name: string,
  spec: Spec<'Service'> = {},
  status: Status<'Service'> = {},
  meta: Meta = {},
): Service => build('Service', name, { ...spec, template: template(spec.template) }, status, meta);

export const task = (
  name: string,
  spec: Spec<'Task'> = {},
  status: Status<'Task'> = {},
  meta: Meta = {},
): Task => build('Task', name, { ...spec, template: template(spec.template) }, status, meta);

/** An alloc of the service `web` on `node-1`, in slot 0, unless `spec` says otherwise (`owner: ownerOf(service)`). */
export const alloc = (
  name: string,
  spec: Spec<'Alloc'> = {},
  status: Status<'Alloc'> = {},
  meta: Meta = {},
): Alloc => {
  const owner = { kind: 'Service', name: 'web', uid: uidOf('Service', 'web'), ...spec.owner } as const;
  const reference = { apiVersion: API_VERSION, ...owner };
  const whole = { node: 'node-1', ...spec, owner, template: template(spec.template) };
  return build('Alloc', name, whole, status, { ownerReferences: [reference], ...meta });
};

/** An alloc just as its service wants it, healthy and routed. */
export const healthyAlloc = (
  name: string,
  owner: Service,
  spec: Partial<AllocSpec> = {},
  status: Partial<AllocStatus> = {},
): Alloc => {
  const ports = owner.spec.ports.map((port) => port.name);
  const whole = { owner: ownerOf(owner), template: owner.spec.template, ports, ...spec };
  const [healthyAt, startedAt] = [timestamp(START_MS), timestamp(START_MS)];
  const healthy = { phase: 'healthy', route: 'routed', healthyAt, startedAt, observedGeneration: 1 } as const;
  return alloc(name, whole, { ...healthy, ...status });
};

export const volume = (
  name: string,
  spec: Spec<'Volume'> = {},
  status: Status<'Volume'> = {},
  meta: Meta = {},
): Volume => build('Volume', name, spec, { phase: 'ready', ...status }, meta);

/** The migration of an alloc (its name is the alloc's); service `web`, node `node-1`, reason `drain` by default. */
export const migration = (
  allocName: string,
  spec: Spec<'Migration'> = {},
  status: Status<'Migration'> = {},
  meta: Meta = {},
): Migration => {
  const whole = { alloc: allocName, service: 'web', node: 'node-1', reason: 'drain', ...spec };
  return build('Migration', allocName, whole, status, meta);
};

/** A lease of an agent of node `name` (object `node-<name>`), renewed at the start of the test. */
export const nodeLease = (name: string, spec: Spec<'Lease'> = {}): Lease =>
  lease(`node-${name}`, { holder: 'agent', node: name, ...spec });

export const gatewayLease = (name: string, spec: Spec<'Lease'> = {}): Lease =>
  lease(`gateway-${name}`, { holder: 'gateway', ...spec });

/** A lease of a server (object `server-<name>`). */
export const serverLease = (name: string, spec: Spec<'Lease'> = {}): Lease =>
  lease(`server-${name}`, { holder: 'server', ...spec });

/** Who leads a role; nobody unless `spec` says so. */
export const leadership = (role: string, spec: Spec<'Leadership'>): Leadership =>
  build('Leadership', role, { since: timestamp(START_MS), ...spec }, {}, {});

const lease = (name: string, spec: Spec<'Lease'>): Lease => {
  const fresh = {
    renewTime: timestamp(START_MS),
    durationMs: 15_000,
    appliedRevision: 0,
    session: 'session-1',
  };
  return build('Lease', name, { ...fresh, ...spec }, {}, {});
};

/** The peer of a node, with a key of its own. */
export const peer = (nodeName: string, spec: Spec<'Peer'> = {}, status: Status<'Peer'> = {}): Peer => {
  const publicKey = Buffer.alloc(32, nodeName).toString('base64');
  return build('Peer', nodeName, { node: nodeName, publicKey, ...spec }, status, {});
};

/** The owner of an alloc, as its spec names it. */
export const ownerOf = (owner: Service | Task): AllocSpec['owner'] => ({
  kind: owner.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid,
});

/** A template that the schemas take: it has something to run. */
const template = (part: Partly<Template> = {}): Partly<Template> => ({ command: ['serve'], ...part });

/** The uid that a test object of this name has; cut to what schemas take. */
export const uidOf = (kind: KindName, name: string): string =>
  `${kind.toLowerCase()}-${name}-uid`.slice(0, 64);

/** The same object with another spec, status or metadata (merged one level deep). */
export function changed<O extends AnyObject>(
  object: O,
  change: { spec?: Partial<O['spec']>; status?: Partial<O['status']>; metadata?: Partial<ObjectMeta> },
): O {
  return deepFreeze({
    ...object,
    metadata: { ...object.metadata, ...change.metadata },
    spec: { ...object.spec, ...change.spec },
    status: { ...object.status, ...change.status },
  });
}

/** Anything else: an object of a kind with the defaults of its schema, as the store would have it. */
export function build<K extends KindName>(
  kind: K,
  name: string,
  spec: unknown,
  status: object,
  meta: Meta,
): ObjectOf<K> {
  const checked = checkObject(kind, { kind, metadata: { name }, spec }, ['spec']);
  const { finalizers, initialStatus } = kindDefinition(kind);
  const metadata: ObjectMeta = {
    name,
    uid: uidOf(kind, name),
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: timestamp(START_MS),
    ...(finalizers ? { finalizers: [...finalizers] } : {}),
    ...meta,
  };
  const object = {
    apiVersion: API_VERSION,
    kind,
    metadata,
    spec: checked.spec,
    status: { ...initialStatus, ...status },
  };
  // Checked against the kind's schema just now; the type of a kind by its name is beyond TypeScript.
  return deepFreeze(object) as unknown as ObjectOf<K>;
}
