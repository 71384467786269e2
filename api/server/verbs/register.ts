/** Registration: a machine joins under a name and gets the credential that its agent proves itself with. */
import { hash } from 'node:crypto';
import { ApiError, invalid } from '../../errors.ts';
import type { Credential } from '../../kinds/credential.ts';
import type { Node } from '../../kinds/node.ts';
import type { Actor, Reader, Write } from '../../store.ts';
import { checkObject } from '../../validation/object.ts';
import { isPlainObject } from '../../validation/plain.ts';
import { type Core, commitDecision, type WriteParameters } from '../commit.ts';
import { newObject } from './create.ts';
import { decideReplacement } from './update.ts';

/** What a machine says about itself; what it leaves out stays as it is, or is the default. */
export interface Registration {
  readonly address?: string;
  readonly capacity?: Readonly<Record<string, string | number>>;
  readonly labels?: Readonly<Record<string, string>>;
}

const FIELDS: ReadonlySet<string> = new Set(['address', 'capacity', 'labels']);

/** SHA-256 of a token, in hex: what is stored of it. */
const tokenHash = (token: string): string => hash('sha256', token);

export async function registerNode(
  core: Core,
  actor: Actor,
  name: string,
  registration: Registration | undefined,
  parameters: WriteParameters,
): Promise<{ node: Node; token: string }> {
  const wanted = checkRegistration(name, registration ?? {});
  const token = core.identities.token();
  const { result, objects } = await commitDecision(core, actor, 'Node', parameters, (state) => {
    const credential = state.get('Credential', name);
    refuseRemoved(name, credential, state.get('Node', name));
    const { node, writes } = decideNode(core, state, name, wanted);
    const proof = decideCredential(core, node, credential, tokenHash(token));
    return { writes: [...writes, { type: 'put', object: proof }], result: node };
  });
  const stored = objects.find((object) => object.kind === 'Node');
  return { node: stored ?? result, token };
}

function checkRegistration(name: string, registration: unknown): Registration {
  if (!isPlainObject(registration)) throw new ApiError('BadRequest', 'a registration must be an object');
  const unknown = Object.keys(registration).filter((field) => !FIELDS.has(field));
  if (unknown.length) {
    throw invalid(
      'Node',
      name,
      unknown.map((field) => ({ field, message: 'unknown field' })),
    );
  }
  const { address, capacity, labels } = registration;
  const spec = {
    ...(address === undefined ? {} : { address }),
    ...(capacity === undefined ? {} : { capacity }),
  };
  const metadata = { name, ...(labels === undefined ? {} : { labels }) };
  // Checked as the node that it would make, without the defaults: they must not overwrite what a node has.
  checkObject('Node', { kind: 'Node', metadata, spec }, ['metadata', 'spec']);
  return registration;
}

function refuseRemoved(name: string, credential: Credential | undefined, node: Node | undefined): void {
  if (credential?.spec.revoked) {
    const message = `node "${name}" was removed; run "mill delete credential ${name}" to let the name join again`;
    throw new ApiError('Forbidden', message, { kind: 'Node', name });
  }
  if (node && (node.spec.removed || node.metadata.deletionTimestamp)) {
    throw new ApiError('Forbidden', `node "${name}" is being removed`, { kind: 'Node', name });
  }
}

function decideNode(
  core: Core,
  state: Reader,
  name: string,
  wanted: Registration,
): { node: Node; writes: readonly Write[] } {
  const { address, capacity, labels } = wanted;
  const current = state.get('Node', name);
  const spec = {
    ...current?.spec,
    ...(address === undefined ? {} : { address }),
    ...(capacity === undefined ? {} : { capacity: { ...current?.spec.capacity, ...capacity } }),
  };
  const metadata = { name, labels: { ...current?.metadata.labels, ...labels } };
  if (!current) {
    const checked = checkObject('Node', { kind: 'Node', metadata, spec }, ['metadata', 'spec']);
    const node = newObject(core, 'Node', checked);
    return { node, writes: [{ type: 'put', object: node }] };
  }
  const whole = { kind: 'Node', metadata: { ...current.metadata, ...metadata }, spec };
  const { object, writes } = decideReplacement(
    state,
    current,
    checkObject('Node', whole, ['metadata', 'spec']),
    core.clock.now(),
  );
  return { node: object, writes };
}

/** The new token takes the place of the old one, which is dead from here on. */
function decideCredential(core: Core, node: Node, current: Credential | undefined, hash: string): Credential {
  const { name, uid } = node.metadata;
  const spec = { node: name, nodeUid: uid, tokenHash: hash, revoked: false };
  if (!current) return newObject(core, 'Credential', { metadata: { name }, spec });
  const metadata = { ...current.metadata, generation: current.metadata.generation + 1 };
  return { ...current, metadata, spec };
}
