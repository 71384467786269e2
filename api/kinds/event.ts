/** `Event`: who did what to which object, and why. */
import { type Static, Type } from '@sinclair/typebox';
import { formatDuration } from '../duration.ts';
import { described, literals, Name, type Resource, Timestamp } from '../meta.ts';
import type { KindDefinition } from './kind.ts';

const strict = { additionalProperties: false } as const;

const EventSpec = Type.Object(
  {
    regarding: Type.Object(
      {
        kind: Type.String({ description: 'kind of the object' }),
        name: described(Name, 'name of the object'),
        uid: Type.Optional(Type.String({ maxLength: 64, description: 'uid of the object' })),
      },
      { ...strict, description: 'the object that it happened to' },
    ),
    type: literals(['Normal', 'Warning'], { description: 'whether somebody should look at it' }),
    reason: Type.String({ maxLength: 128, description: 'what happened, in one word' }),
    message: Type.String({ maxLength: 4_096, description: 'what happened, in a sentence' }),
    source: Type.String({ maxLength: 253, description: 'who says so: a controller, an agent, a user' }),
    time: described(Timestamp, 'when it happened'),
  },
  strict,
);
export type EventSpec = Static<typeof EventSpec>;
const EventStatus = Type.Object({}, strict);
export type Event = Resource<'Event', EventSpec, Static<typeof EventStatus>>;

/** Key of the index `regarding`. */
const regardingKey = (kind: string, name: string): string => `${kind}/${name}`;

export const eventKind: KindDefinition<Event> = {
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  description: 'who did what to which object, and why',
  spec: EventSpec,
  status: EventStatus,
  initialStatus: {},
  indexes: { regarding: (event) => [regardingKey(event.spec.regarding.kind, event.spec.regarding.name)] },
  fields: {
    'spec.regarding.kind': (event) => event.spec.regarding.kind,
    'spec.regarding.name': (event) => event.spec.regarding.name,
  },
  columns: [
    {
      name: 'Last seen',
      description: 'when',
      value: (event, _reader, nowMs) => formatDuration(Math.max(0, nowMs - Date.parse(event.spec.time))),
    },
    { name: 'Type', description: 'Normal or Warning', value: (event) => event.spec.type },
    { name: 'Reason', description: 'what', value: (event) => event.spec.reason },
    {
      name: 'Object',
      description: 'to what',
      value: (event) => `${event.spec.regarding.kind.toLowerCase()}/${event.spec.regarding.name}`,
    },
    { name: 'Message', description: 'why', value: (event) => event.spec.message },
    { name: 'Source', wide: true, description: 'by whom', value: (event) => event.spec.source },
  ],
  internal: true,
};
