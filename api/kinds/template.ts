/** What to run: the part that services, tasks and their allocs share. */
import { type Static, Type } from '@sinclair/typebox';
import { Duration } from '../duration.ts';
import { described, literals, Name } from '../meta.ts';
import { bytes, cpuMillis, Quantity } from '../quantity.ts';

const MAX_COMMAND_WORDS = 256;
const MAX_WORD_LENGTH = 32_768;
const MAX_ENV = 256;
const MAX_VOLUMES = 8;
const strict = { additionalProperties: false } as const;

/** A short name for a port or a volume in a template (DNS label). */
export const ShortName = Type.String({ pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', maxLength: 63 });
export const PortNumber = Type.Integer({ minimum: 1, maximum: 65_535 });

const Command = Type.Array(Type.String({ maxLength: MAX_WORD_LENGTH }), {
  minItems: 1,
  maxItems: MAX_COMMAND_WORDS,
});
const PortReference = Type.Unsafe<string | number>({
  type: ['string', 'integer'],
  minimum: 1,
  maximum: 65_535,
  maxLength: 63,
  description: 'name of a port, or a number on its node; none: the first port',
});
const Threshold = (fallback: number, description: string) =>
  Type.Unsafe<number | string>({
    type: ['integer', 'string'],
    minimum: 1,
    maximum: 1_000,
    pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$',
    default: fallback,
    title: 'a count of probes such as 3, or a duration such as 2s',
    description,
  });

const Health = Type.Object(
  {
    http: Type.Optional(
      Type.Object(
        {
          path: Type.String({
            pattern: '^/',
            maxLength: 2_048,
            default: '/',
            description: 'path of the request',
          }),
          port: Type.Optional(PortReference),
        },
        { ...strict, description: 'healthy at a status from 200 to 399' },
      ),
    ),
    tcp: Type.Optional(
      Type.Object(
        { port: Type.Optional(PortReference) },
        { ...strict, description: 'healthy when it takes a connection' },
      ),
    ),
    exec: Type.Optional(
      Type.Object(
        { command: described(Command, 'program and arguments; runs in the directory of the alloc') },
        { ...strict, description: 'healthy at exit code 0' },
      ),
    ),
    interval: Duration({ default: '1s', description: 'time between two probes' }),
    timeout: Duration({ default: '1s', description: 'how long one probe may take' }),
    healthyAfter: Threshold(1, 'healthy after so many good probes in a row, or for so long (`2s`)'),
    unhealthyAfter: Threshold(3, 'unhealthy after so many bad probes in a row, or for so long (`2s`)'),
  },
  { ...strict, description: 'how its health is probed: one of `http`, `tcp`, `exec`, and how often' },
);

const VolumeMount = Type.Object(
  {
    name: described(ShortName, 'the workload finds the directory in `MILL_VOLUME_<NAME>`'),
    volume: described(Name, 'name of a `Volume`'),
    path: Type.String({
      minLength: 1,
      maxLength: 1_024,
      description: 'where it is mounted, below the directory of the alloc',
    }),
  },
  strict,
);

const Resources = Type.Object(
  {
    cpu: Quantity({
      default: '100m',
      description: 'CPUs reserved on the node: what placement counts with',
    }),
    memory: Quantity({
      default: '64Mi',
      description: 'memory reserved on the node: what placement counts with',
    }),
    limits: Type.Optional(
      Type.Object(
        {
          cpu: Type.Optional(Quantity({ description: 'CPUs that it may use' })),
          memory: Type.Optional(
            Quantity({ description: 'memory that it may use; beyond it the kernel kills' }),
          ),
        },
        { ...strict, description: "held to by the node's kernel, where it can (cgroups); none: no limit" },
      ),
    ),
  },
  { ...strict, default: {}, description: 'what is reserved for it, and its limits' },
);

export const Template = Type.Object(
  {
    driver: literals(['exec', 'container'], {
      default: 'exec',
      description: 'what runs it; this version has `exec`',
    }),
    command: Type.Optional(described(Command, 'program and arguments; the exec driver needs it')),
    image: Type.Optional(
      Type.String({ minLength: 1, maxLength: 512, description: 'image for the container driver' }),
    ),
    env: Type.Optional(
      Type.Record(
        Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }),
        Type.String({ maxLength: MAX_WORD_LENGTH }),
        {
          maxProperties: MAX_ENV,
          additionalProperties: false,
          description: 'variables added to the environment that mill gives it',
        },
      ),
    ),
    resources: Resources,
    health: Type.Optional(Health),
    stopGrace: Duration({ default: '10s', description: 'time from SIGTERM to SIGKILL' }),
    volumes: Type.Optional(
      Type.Array(VolumeMount, { maxItems: MAX_VOLUMES, description: 'volumes that it mounts' }),
    ),
  },
  { ...strict, description: 'what to run' },
);
export type Template = Static<typeof Template>;
export type Health = Static<typeof Health>;
export type VolumeMount = Static<typeof VolumeMount>;

export const Placement = Type.Object(
  {
    nodeSelector: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        maxProperties: 32,
        description: 'labels that a node must have',
      }),
    ),
  },
  { ...strict, description: 'which nodes it may be placed on' },
);
export type Placement = Static<typeof Placement>;

/** Names of the volumes that a template mounts. */
export const volumesOf = (template: Template): readonly string[] =>
  (template.volumes ?? []).map((mount) => mount.volume);

/** What a workload of the template is held to, in thousandths of a CPU and in bytes; absent: to nothing. */
export function limitsOf({ resources: { limits } }: Template): { cpuMillis?: number; memoryBytes?: number } {
  return {
    ...(limits?.cpu === undefined ? {} : { cpuMillis: cpuMillis(limits.cpu) }),
    ...(limits?.memory === undefined ? {} : { memoryBytes: bytes(limits.memory) }),
  };
}
