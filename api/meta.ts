/** What every object has, by the Kubernetes API conventions: type, metadata, conditions. */
import { type Static, type TSchema, Type } from '@sinclair/typebox';

export const GROUP = 'mill.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** Longest object name: a DNS subdomain (RFC 1123), as in Kubernetes. */
export const MAX_NAME_LENGTH = 253;
const NAME_PATTERN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
const LABEL_KEY_PATTERN =
  '^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$';
const LABEL_VALUE_PATTERN = '^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$';
const MAX_LABELS = 64;
const MAX_FINALIZERS = 16;

/**
 * The schema with what the field means: one short sentence without a final dot, for `mill explain`, OpenAPI and
 * docs/objects.md. What a value of it looks like stays in `title`, which errors repeat: "must be a duration such as 30s".
 */
export const described = <S extends TSchema>(schema: S, description: string): S => ({
  ...schema,
  description,
});

/** An object's name: lower-case DNS subdomain. */
export const Name = Type.String({ pattern: NAME_PATTERN, minLength: 1, maxLength: MAX_NAME_LENGTH });

/** A point in time, RFC 3339 in UTC with milliseconds. */
export const Timestamp = Type.String({
  title: 'a time such as 2026-01-31T08:00:00.000Z',
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$',
});

const Labels = Type.Record(
  Type.String({ pattern: LABEL_KEY_PATTERN }),
  Type.String({ pattern: LABEL_VALUE_PATTERN }),
  { maxProperties: MAX_LABELS, additionalProperties: false },
);

const OwnerReference = Type.Object(
  {
    apiVersion: Type.String(),
    kind: Type.String(),
    name: Name,
    uid: Type.String(),
    controller: Type.Optional(Type.Boolean()),
    blockOwnerDeletion: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type OwnerReference = Static<typeof OwnerReference>;

export const ObjectMeta = Type.Object(
  {
    name: Name,
    /** Set by the server; names this incarnation of the object. */
    uid: Type.Optional(Type.String({ maxLength: 64 })),
    /** Set by the server: the store revision of the last write, as a decimal string. */
    resourceVersion: Type.Optional(Type.String({ maxLength: 32 })),
    /** Set by the server: grows with every change of `spec`. */
    generation: Type.Optional(Type.Integer({ minimum: 0 })),
    creationTimestamp: Type.Optional(Timestamp),
    /** Set by the server: deletion was asked for and waits for the finalizers. */
    deletionTimestamp: Type.Optional(Timestamp),
    labels: Type.Optional(Labels),
    annotations: Type.Optional(
      Type.Record(Type.String({ pattern: LABEL_KEY_PATTERN }), Type.String({ maxLength: 262_144 }), {
        maxProperties: MAX_LABELS,
        additionalProperties: false,
      }),
    ),
    finalizers: Type.Optional(Type.Array(Type.String({ maxLength: 253 }), { maxItems: MAX_FINALIZERS })),
    ownerReferences: Type.Optional(Type.Array(OwnerReference, { maxItems: 16 })),
    managedFields: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 64 })),
  },
  { additionalProperties: false },
);

/** Metadata of an object that is in the store: what the server sets is there. */
export type ObjectMeta = Static<typeof ObjectMeta> &
  Required<Pick<Static<typeof ObjectMeta>, 'uid' | 'resourceVersion' | 'generation' | 'creationTimestamp'>>;

/** Metadata as a client writes it. */
export type WrittenMeta = Static<typeof ObjectMeta>;

/** An object of kind `K` as the store has it. Objects are frozen: a change is a new object. */
export interface Resource<K extends string, Spec, Status> {
  readonly apiVersion: string;
  readonly kind: K;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status: Status;
}

/** Meaning of `observedGeneration`, in every status and condition. */
export const OBSERVED_GENERATION = 'generation of the spec that this is about';

/** One aspect of an object's state (Kubernetes convention). `reason` is a word, `message` a sentence. */
export interface Condition<T extends string = string, R extends string = string> {
  type: T;
  status: 'True' | 'False' | 'Unknown';
  reason: R;
  message: string;
  observedGeneration: number;
  lastTransitionTime: string;
}

/** Schema of one condition whose type and reason are of the given literals. */
export function conditionSchema<const T extends string[], const R extends string[]>(types: T, reasons: R) {
  return Type.Object(
    {
      type: literals(types, { description: 'the aspect that this is about' }),
      status: literals(['True', 'False', 'Unknown'], { description: 'whether it is so' }),
      reason: literals(reasons, { description: 'why, in one word' }),
      message: Type.String({ maxLength: 32_768, description: 'why, in a sentence' }),
      observedGeneration: Type.Integer({ minimum: 0, description: OBSERVED_GENERATION }),
      lastTransitionTime: described(Timestamp, 'when `status` changed last'),
    },
    { additionalProperties: false },
  );
}

/** A JSON Schema `enum` of string literals, typed as their union. */
export function literals<const T extends readonly string[]>(values: T, options: object = {}) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: values, ...options });
}
