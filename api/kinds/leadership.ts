/** `Leadership`: which of several servers does a role now, and in which term. Named like the role. */
import { type Static, Type } from '@sinclair/typebox';
import { described, Name, type Resource, Timestamp } from '../meta.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';

const strict = { additionalProperties: false } as const;

const LeadershipSpec = Type.Object(
  {
    server: Type.Optional(described(Name, 'the server that leads; none: it was given up, and is free')),
    session: Type.Optional(
      Type.String({ maxLength: 64, description: 'the run of that server that leads: the one of its lease' }),
    ),
    term: Type.Integer({
      minimum: 1,
      description: 'grows with every change of the leader; what an earlier one still writes is refused by it',
    }),
    since: described(Timestamp, 'when this term began'),
  },
  strict,
);
export type LeadershipSpec = Static<typeof LeadershipSpec>;
const LeadershipStatus = Type.Object({}, strict);
export type Leadership = Resource<'Leadership', LeadershipSpec, Static<typeof LeadershipStatus>>;

export const leadershipKind: KindDefinition<Leadership> = {
  kind: 'Leadership',
  plural: 'leaderships',
  singular: 'leadership',
  shortNames: ['lead'],
  description: 'which of several servers runs a controller, or decides the commits',
  spec: LeadershipSpec,
  status: LeadershipStatus,
  initialStatus: {},
  indexes: { server: ({ spec }) => (spec.server === undefined ? [] : [spec.server]) },
  fields: {},
  columns: [
    { name: 'Server', description: 'the server that leads', value: ({ spec }) => spec.server ?? '-' },
    { name: 'Term', description: 'how often the leader has changed', value: ({ spec }) => spec.term },
    { name: 'Since', description: 'when this term began', value: ({ spec }) => spec.since },
    ageColumn(),
  ],
  internal: true,
};
