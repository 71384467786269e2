/** Who may do what. What depends on an object's state is a rule at the commit (`api/rules/`), not here. */

import { ApiError } from '../errors.ts';
import { ADMIN_GROUP, GATEWAY_GROUP, NODE_GROUP, SERVER_GROUP } from '../groups.ts';
import { type KindName, kindDefinition } from '../kinds/index.ts';
import { nodeLeaseName, serverLeaseName } from '../kinds/lease.ts';
import type { Actor } from '../store.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

const NODE_PREFIX = 'system:node:';
const GATEWAY_PREFIX = 'system:gateway:';
const SERVER_PREFIX = 'system:server:';
const CONTROLLER_PREFIX = 'system:controller:';

/** Name of the lease of a gateway. */
export const gatewayLeaseName = (gateway: string): string => `gateway-${gateway}`;

/** What operators are told who write what mill writes itself. */
const INSTEAD: Partial<Record<KindName, string>> = {
  Alloc: 'change the Service or Task that owns it',
  Migration: 'use "mill drain" and "mill undrain" on its node',
  Peer: 'its node publishes it, and removing the node withdraws it',
  Endpoints: 'they follow the health of the service',
  Lease: 'its holder renews it',
  Leadership: 'the servers agree on it among themselves; to move it, stop its server',
  Event: 'events can be read and deleted only',
  Credential: 'register the node to get a new one, or delete it',
};
/** Internal kinds that operators may delete: nothing is lost that does not come again, or that they mean to end. */
const DELETABLE: ReadonlySet<KindName> = new Set(['Event', 'Credential', 'Lease']);

/** The name in an actor's user, for example the node of `system:node:node-3`. */
const nodeOf = (actor: Actor): string | undefined =>
  actor.groups.includes(NODE_GROUP) ? after(actor.user, NODE_PREFIX) : undefined;

/** @throws ApiError Forbidden, with the reason and what to do instead */
export function authorize(
  actor: Actor,
  verb: Verb,
  kind: KindName,
  name?: string,
  subresource?: string,
): void {
  if (actor.user.startsWith(CONTROLLER_PREFIX)) return;
  if (actor.groups.includes(ADMIN_GROUP)) {
    authorizeOperator(verb, kind, name);
    return;
  }
  const node = nodeOf(actor);
  if (node !== undefined && nodeMay(node, verb, kind, name, subresource)) return;
  const gateway = actor.groups.includes(GATEWAY_GROUP) ? after(actor.user, GATEWAY_PREFIX) : undefined;
  if (gateway !== undefined && gatewayMay(gateway, verb, kind, name)) return;
  const server = actor.groups.includes(SERVER_GROUP) ? after(actor.user, SERVER_PREFIX) : undefined;
  if (server !== undefined && serverMay(server, verb, kind, name)) return;
  throw forbidden(actor, verb, kind, name, subresource);
}

/** A backup holds everything, the hashes of all credentials among it. @throws ApiError Forbidden */
export function authorizeBackup({ user, groups }: Actor): void {
  if (groups.includes(ADMIN_GROUP)) return;
  throw new ApiError('Forbidden', `"${user}" may not take a backup: only operators may`);
}

function authorizeOperator(verb: Verb, kind: KindName, name: string | undefined): void {
  if (isRead(verb) || !kindDefinition(kind).internal) return;
  if (verb === 'delete' && DELETABLE.has(kind)) return;
  // `mill gateway` runs with the credential of the operator who starts it.
  if (kind === 'Lease' && name?.startsWith(gatewayLeaseName(''))) return;
  const what = `${kind}${name === undefined ? '' : ` "${name}"`}`;
  throw new ApiError(
    'Forbidden',
    `${what} is written by mill itself: ${INSTEAD[kind] ?? 'it can be read only'}`,
    {
      kind,
      ...(name === undefined ? {} : { name }),
    },
  );
}

function nodeMay(node: string, verb: Verb, kind: KindName, name?: string, subresource?: string): boolean {
  if (subresource === 'logrequests') return kind === 'Node' && name === node;
  if (isRead(verb)) return subresource === undefined && kind !== 'Credential';
  switch (kind) {
    case 'Alloc':
    case 'Volume':
      return subresource === 'status' && (verb === 'update' || verb === 'patch');
    case 'Lease':
      // An agent may run the gateway of its machine, too.
      return subresource === undefined && (name === nodeLeaseName(node) || name === gatewayLeaseName(node));
    case 'Peer':
      return subresource === undefined && name === node;
    case 'Event':
      return verb === 'create';
    default:
      return false;
  }
}

function gatewayMay(gateway: string, verb: Verb, kind: KindName, name?: string): boolean {
  if (kind === 'Endpoints') return isRead(verb);
  return kind === 'Lease' && name === gatewayLeaseName(gateway);
}

/** Who leads what, its own lease, and the leases that dead servers have left behind. */
function serverMay(server: string, verb: Verb, kind: KindName, name?: string): boolean {
  if (kind === 'Leadership') return verb !== 'delete';
  if (kind !== 'Lease') return false;
  const isLeftBehind = verb === 'delete' && name?.startsWith(serverLeaseName(''));
  return isRead(verb) || isLeftBehind === true || name === serverLeaseName(server);
}

const isRead = (verb: Verb): boolean => verb === 'get' || verb === 'list' || verb === 'watch';

const after = (text: string, prefix: string): string | undefined =>
  text.startsWith(prefix) ? text.slice(prefix.length) : undefined;

function forbidden(actor: Actor, verb: Verb, kind: KindName, name?: string, subresource?: string): ApiError {
  const { plural } = kindDefinition(kind);
  const what = `${plural}${subresource === undefined ? '' : `/${subresource}`}${name === undefined ? '' : ` "${name}"`}`;
  return new ApiError('Forbidden', `"${actor.user}" may not ${verb} ${what}`, {
    kind,
    ...(name === undefined ? {} : { name }),
  });
}
