/** `Migration`: one alloc of a service on its way to a replacement. Named like the alloc that must leave. */
import { type Static, Type } from '@sinclair/typebox';
import { literals, Name, type Resource, Timestamp } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';

const strict = { additionalProperties: false } as const;

const MigrationSpec = Type.Object(
  {
    alloc: Name,
    service: Name,
    /** The node that the alloc leaves. */
    node: Name,
    /** `drain`: it must leave its node; `update`: it must make place for its service's present template. */
    reason: literals(['drain', 'update']),
    /** For `drain`: the `drainPolicy.attempt` it belongs to. */
    attempt: Type.Integer({ minimum: 1, default: 1 }),
    /** Not wanted any more: it is undone, unless its replacement is healthy already. */
    cancelled: Type.Boolean({ default: false }),
  },
  strict,
);
export type MigrationSpec = Static<typeof MigrationSpec>;

/** The states of a migration's machine, and its three ends. */
export const MIGRATION_PHASES = [
  'placing',
  'preparing',
  'suspendingOriginal',
  'movingVolume',
  'awaitingHealthy',
  'awaitingRoute',
  'stoppingOriginal',
  // The way back.
  'turningBack',
  'stoppingReplacement',
  'returningVolume',
  'resumingOriginal',
  // The replica is not wanted any more at all.
  'retiringSlot',
  'done',
  'failed',
  'cancelled',
] as const;
export type MigrationPhase = (typeof MIGRATION_PHASES)[number];

export const MIGRATION_FAILURES = [
  'NoPlace',
  'ReplacementFailed',
  'HealthyDeadlineExceeded',
  'VolumeFailed',
  'TargetLost',
  'ServiceGone',
] as const;
export type MigrationFailure = (typeof MIGRATION_FAILURES)[number];

const MigrationStatus = Type.Object(
  {
    phase: literals(MIGRATION_PHASES),
    strategy: Type.Optional(literals(['start-first', 'stop-first'])),
    startedAt: Type.Optional(Timestamp),
    /** By when the replacement has to be healthy; counts from when it could start. */
    deadline: Type.Optional(Timestamp),
    replacement: Type.Optional(Name),
    /** Node of the replacement. */
    target: Type.Optional(Name),
    /** When it was decided to undo it; recorded before the way back is taken: from here it never goes forward again. */
    turnedBackAt: Type.Optional(Timestamp),
    /** Why it was undone, unless it was cancelled; recorded together with `turnedBackAt`, and never taken back. */
    failure: Type.Optional(
      Type.Object(
        { reason: literals(MIGRATION_FAILURES), message: Type.String({ maxLength: 8_192 }) },
        strict,
      ),
    ),
    /** Stop-first: when the original stopped serving. */
    unroutedAt: Type.Optional(Timestamp),
    /** When the replacement was seen routed by every live gateway. */
    routedAt: Type.Optional(Timestamp),
    /** Stop-first: how long nobody served, in milliseconds; on the way back, until the original served again. */
    gapMs: Type.Optional(Type.Integer()),
    finishedAt: Type.Optional(Timestamp),
    observedGeneration: Type.Optional(Type.Integer()),
  },
  strict,
);
export type MigrationStatus = Static<typeof MigrationStatus>;
export type Migration = Resource<'Migration', MigrationSpec, MigrationStatus>;

/** True where the migration is at one of its ends. */
export const isFinished = (migration: Migration): boolean =>
  migration.status.phase === 'done' ||
  migration.status.phase === 'failed' ||
  migration.status.phase === 'cancelled';

export const migrationKind: KindDefinition<Migration> = {
  kind: 'Migration',
  plural: 'migrations',
  singular: 'migration',
  shortNames: ['mig'],
  description: 'one alloc of a service on its way to a replacement',
  spec: MigrationSpec,
  status: MigrationStatus,
  initialStatus: { phase: 'placing' },
  indexes: {
    node: (migration) => [migration.spec.node],
    service: (migration) => [migration.spec.service],
    replacement: (migration) => (migration.status.replacement ? [migration.status.replacement] : []),
    /** Of those under way: the node that they go to. */
    target: (migration) =>
      migration.status.target && !isFinished(migration) ? [migration.status.target] : [],
  },
  fields: {
    'spec.node': (migration) => migration.spec.node,
    'spec.service': (migration) => migration.spec.service,
    'status.phase': (migration) => migration.status.phase,
  },
  columns: [
    { name: 'Service', description: 'service', value: (migration) => migration.spec.service },
    { name: 'From', description: 'node it leaves', value: (migration) => migration.spec.node },
    { name: 'To', description: 'node it goes to', value: (migration) => migration.status.target ?? '-' },
    { name: 'Phase', description: 'step', value: (migration) => migration.status.phase },
    ageColumn(),
    {
      name: 'Message',
      wide: true,
      description: 'why it failed',
      value: (migration) => migration.status.failure?.message ?? '',
    },
  ],
  internal: true,
};
