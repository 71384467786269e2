/** `Migration`: one alloc of a service on its way to a replacement. Named like the alloc that must leave. */
import { type Static, Type } from '@sinclair/typebox';
import { described, literals, Name, OBSERVED_GENERATION, type Resource, Timestamp } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';

const strict = { additionalProperties: false } as const;

const MigrationSpec = Type.Object(
  {
    alloc: described(Name, 'the alloc that must leave'),
    service: described(Name, 'its service'),
    node: described(Name, 'the node that the alloc leaves'),
    reason: literals(['drain', 'update'], {
      description:
        "`drain`: it must leave its node; `update`: it must make place for its service's present template",
    }),
    attempt: Type.Integer({
      minimum: 1,
      default: 1,
      description: 'for `drain`: the `drainPolicy.attempt` that it belongs to',
    }),
    cancelled: Type.Boolean({
      default: false,
      description: 'not wanted any more: it is undone, unless its replacement is healthy already',
    }),
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
  // The replacement was lost with its agent or its node: another one is tried.
  'startingOver',
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

/**
 * So many replacements may be lost in one migration before it is given up. Enough that a machine, or all of them, may be
 * restarted a few times meanwhile; and few enough that a workload that takes its machine down does not visit them all.
 */
export const MAX_LOST_REPLACEMENTS = 5;

const MigrationStatus = Type.Object(
  {
    phase: literals(MIGRATION_PHASES, { description: 'how far it is; the last three are its ends' }),
    strategy: Type.Optional(
      literals(['start-first', 'stop-first'], {
        description: 'whether the replacement starts first, or the original stops first, as with a volume',
      }),
    ),
    startedAt: Type.Optional(described(Timestamp, 'when it began')),
    deadline: Type.Optional(
      described(Timestamp, 'by when the replacement has to be healthy; counts from when it could start'),
    ),
    replacement: Type.Optional(described(Name, 'the alloc that takes over')),
    target: Type.Optional(described(Name, 'node of the replacement')),
    /** Recorded before another one is created. */
    lost: Type.Optional(
      Type.Array(Name, {
        maxItems: MAX_LOST_REPLACEMENTS,
        description: 'earlier replacements that were lost with their agent or their node',
      }),
    ),
    /** Recorded before the way back is taken: from here it never goes forward again. */
    turnedBackAt: Type.Optional(described(Timestamp, 'when it was decided to undo it')),
    /** Recorded together with `turnedBackAt`, and never taken back. */
    failure: Type.Optional(
      Type.Object(
        {
          reason: literals(MIGRATION_FAILURES, { description: 'why, in one word' }),
          message: Type.String({ maxLength: 8_192, description: 'why, in words' }),
        },
        { ...strict, description: 'why it was undone, unless it was cancelled' },
      ),
    ),
    /** Of the stay that is going on: a break in between begins it anew. */
    healthy: Type.Optional(
      Type.Object(
        {
          since: described(Timestamp, 'its `healthyAt`, which the clock of its node says'),
          seenAt: described(Timestamp, 'when mill saw that; `minHealthy` counts from here'),
        },
        {
          ...strict,
          description: 'since when the replacement has been healthy, where it has to be for some time',
        },
      ),
    ),
    unroutedAt: Type.Optional(described(Timestamp, 'stop-first: when the original stopped serving')),
    routedAt: Type.Optional(
      described(Timestamp, 'when the replacement was seen routed by every live gateway'),
    ),
    gapMs: Type.Optional(
      Type.Integer({
        description:
          'stop-first: how long nobody served, in milliseconds; on the way back, until the original served again',
      }),
    ),
    finishedAt: Type.Optional(described(Timestamp, 'when it came to its end')),
    observedGeneration: Type.Optional(Type.Integer({ description: OBSERVED_GENERATION })),
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
