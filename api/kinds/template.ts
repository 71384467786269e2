/** What to run: the part that services, tasks and their allocs share. */
import { type Static, Type } from '@sinclair/typebox';
import { Duration } from '../duration.ts';
import { literals, Name } from '../meta.ts';
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
/** A port of the workload by name, or a fixed number on its node. */
const PortReference = Type.Unsafe<string | number>({
  type: ['string', 'integer'],
  minimum: 1,
  maximum: 65_535,
  maxLength: 63,
});
/** So many probes in a row (a number), or for so long (a duration). */
const Threshold = (fallback: number) =>
  Type.Unsafe<number | string>({
    type: ['integer', 'string'],
    minimum: 1,
    maximum: 1_000,
    pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$',
    default: fallback,
    description: 'a count of probes such as 3, or a duration such as 2s',
  });

const Health = Type.Object(
  {
    http: Type.Optional(
      Type.Object(
        {
          path: Type.String({ pattern: '^/', maxLength: 2_048, default: '/' }),
          port: Type.Optional(PortReference),
        },
        strict,
      ),
    ),
    tcp: Type.Optional(Type.Object({ port: Type.Optional(PortReference) }, strict)),
    exec: Type.Optional(Type.Object({ command: Command }, strict)),
    interval: Duration('1s'),
    timeout: Duration('1s'),
    healthyAfter: Threshold(1),
    unhealthyAfter: Threshold(3),
  },
  { ...strict, description: 'one of http, tcp, exec, and how often' },
);

const VolumeMount = Type.Object(
  {
    name: ShortName,
    /** Name of the `Volume`. */
    volume: Name,
    path: Type.String({ minLength: 1, maxLength: 1_024 }),
  },
  strict,
);

const Resources = Type.Object(
  {
    /** Reserved on the node: what placement counts with. */
    cpu: Quantity('100m'),
    memory: Quantity('64Mi'),
    /** Enforced by the node's kernel, where it can; none: the workload may use what is there. */
    limits: Type.Optional(
      Type.Object({ cpu: Type.Optional(Quantity()), memory: Type.Optional(Quantity()) }, strict),
    ),
  },
  { ...strict, default: {} },
);

export const Template = Type.Object(
  {
    driver: literals(['exec', 'container'], { default: 'exec' }),
    command: Type.Optional(Command),
    image: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
    env: Type.Optional(
      Type.Record(
        Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }),
        Type.String({ maxLength: MAX_WORD_LENGTH }),
        { maxProperties: MAX_ENV, additionalProperties: false },
      ),
    ),
    resources: Resources,
    health: Type.Optional(Health),
    /** From SIGTERM to SIGKILL. */
    stopGrace: Duration('10s'),
    volumes: Type.Optional(Type.Array(VolumeMount, { maxItems: MAX_VOLUMES })),
  },
  strict,
);
export type Template = Static<typeof Template>;
export type Health = Static<typeof Health>;
export type VolumeMount = Static<typeof VolumeMount>;

/** Which nodes a workload may be placed on. */
export const Placement = Type.Object(
  {
    /** Labels that the node must have. */
    nodeSelector: Type.Optional(Type.Record(Type.String(), Type.String(), { maxProperties: 32 })),
  },
  strict,
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
