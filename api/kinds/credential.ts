/** `Credential`: what a node's agent proves itself with. Named like the node; outlives it, so that a removed node stays out. */
import { type Static, Type } from '@sinclair/typebox';
import { described, Name, type Resource, Timestamp } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';

const strict = { additionalProperties: false } as const;

const CredentialSpec = Type.Object(
  {
    node: described(Name, 'the node whose agent it is of'),
    nodeUid: Type.String({ maxLength: 64, description: 'uid of that node' }),
    tokenHash: Type.String({
      pattern: '^[0-9a-f]{64}$',
      description: "SHA-256 of the agent's token, in hex; the token itself is never stored",
    }),
    revoked: Type.Boolean({
      default: false,
      description: 'the node was removed: its agent may write nothing, and may not register again',
    }),
    revokedAt: Type.Optional(described(Timestamp, 'when the node was removed')),
  },
  strict,
);
export type CredentialSpec = Static<typeof CredentialSpec>;
const CredentialStatus = Type.Object({}, strict);
export type Credential = Resource<'Credential', CredentialSpec, Static<typeof CredentialStatus>>;

export const credentialKind: KindDefinition<Credential> = {
  kind: 'Credential',
  plural: 'credentials',
  singular: 'credential',
  shortNames: ['cred'],
  description: "proof of a node's agent; delete a revoked one to let the name join again",
  spec: CredentialSpec,
  status: CredentialStatus,
  initialStatus: {},
  indexes: { token: (credential) => [credential.spec.tokenHash] },
  fields: {},
  columns: [
    { name: 'Node', description: 'node', value: (credential) => credential.spec.node },
    {
      name: 'Revoked',
      description: 'revoked',
      value: (credential) => (credential.spec.revoked ? 'yes' : 'no'),
    },
    ageColumn(),
  ],
  internal: true,
};
