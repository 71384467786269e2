/** `Volume`: data that outlives its allocs and moves with them; attached to one node at most. */
import { type Static, Type } from '@sinclair/typebox';
import { described, literals, Name, OBSERVED_GENERATION, type Resource } from '../meta.ts';
import { Quantity } from '../quantity.ts';
import { ageColumn } from './columns.ts';
import type { KindDefinition } from './kind.ts';

const strict = { additionalProperties: false } as const;

const VolumeSpec = Type.Object(
  {
    size: Quantity({ default: '1Gi', description: 'how large it is; the local driver does not enforce it' }),
    driver: literals(['local', 'block', 'csi'], {
      default: 'local',
      description: 'what keeps it; this version has `local`',
    }),
    node: Type.Optional(
      described(Name, 'the node that it is wanted on; none: on none; mill writes it as allocs come and go'),
    ),
  },
  { ...strict, default: {} },
);
export type VolumeSpec = Static<typeof VolumeSpec>;

const VOLUME_PHASES = ['pending', 'ready', 'attaching', 'attached', 'detaching', 'failed'] as const;
export type VolumePhase = (typeof VOLUME_PHASES)[number];

const VolumeStatus = Type.Object(
  {
    phase: literals(VOLUME_PHASES, {
      description: 'how far it is; `ready`: detached, it can be attached anywhere',
    }),
    /** Set before the driver is asked, cleared after it is seen detached: a crash between must not hide an attachment. */
    node: Type.Optional(described(Name, 'where it is, or may be, attached')),
    /** Only that agent clears it, or the volume controller for a node that is down. */
    mounted: Type.Optional(Type.Boolean({ description: 'the agent of `node` has it mounted' })),
    handle: Type.Optional(
      Type.String({
        maxLength: 1_024,
        description: 'what its driver calls it; of the local driver the directory',
      }),
    ),
    message: Type.Optional(Type.String({ maxLength: 4_096, description: 'why it does not get on' })),
    observedGeneration: Type.Optional(Type.Integer({ description: OBSERVED_GENERATION })),
  },
  strict,
);
export type VolumeStatus = Static<typeof VolumeStatus>;
export type Volume = Resource<'Volume', VolumeSpec, VolumeStatus>;

export const volumeKind: KindDefinition<Volume> = {
  kind: 'Volume',
  plural: 'volumes',
  singular: 'volume',
  shortNames: ['vol'],
  description: 'data that outlives its allocs and moves with them',
  spec: VolumeSpec,
  status: VolumeStatus,
  initialStatus: { phase: 'pending' },
  indexes: {
    node: (volume) => [...new Set([volume.spec.node, volume.status.node].filter((n) => n !== undefined))],
  },
  fields: {
    'spec.node': (volume) => volume.spec.node ?? '',
    'status.node': (volume) => volume.status.node ?? '',
    'status.phase': (volume) => volume.status.phase,
  },
  columns: [
    { name: 'Phase', description: 'attached, ready, …', value: (volume) => volume.status.phase },
    { name: 'Node', description: 'where it is attached', value: (volume) => volume.status.node ?? '-' },
    { name: 'Size', description: 'size', value: (volume) => volume.spec.size },
    { name: 'Driver', description: 'driver', value: (volume) => volume.spec.driver },
    ageColumn(),
    { name: 'Message', wide: true, description: 'why', value: (volume) => volume.status.message ?? '' },
  ],
  finalizers: ['mill.dev/volume'],
};
