/**
 * A model of everything around a migration: agents, gateways, volume, operator, crashes of the controller at any
 * command. The controller in it is the real one: its facts, its machine and its report.
 */

import { timestamp } from '../../../../api/clock.ts';
import { type AnyObject, type KindName, kindDefinition, type ObjectOf } from '../../../../api/kinds/index.ts';
import type { MigrationStatus } from '../../../../api/kinds/migration.ts';
import type { Reader } from '../../../../api/store.ts';
import { observe } from '../../../../controllers/migration/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/migration/machine.ts';
import { report } from '../../../../controllers/migration/status.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { START_MS } from '../../../vocabulary/clock.ts';
import {
  alloc,
  changed,
  healthyAlloc,
  migration,
  node,
  ownerOf,
  service,
  volume,
} from '../../../vocabulary/objects.ts';

type Desired = 'running' | 'suspended' | 'stopped';

/** Plain values only: two worlds are one if they read the same. */
export interface ModelWorld {
  readonly kind: 'start-first' | 'stop-first' | 'in-place';
  readonly original: {
    readonly desired: Desired;
    readonly phase: 'healthy' | 'suspended' | 'stopped' | 'failed';
    readonly by: string;
  };
  readonly replacement: {
    readonly node: string;
    readonly desired: Desired;
    /** `lost`: failed, and nobody saw how. */
    readonly phase: 'pending' | 'waiting' | 'healthy' | 'stopped' | 'failed' | 'lost';
    readonly isRouted: boolean;
  } | null;
  readonly volume: { readonly wanted: string; readonly at: string; readonly isBroken: boolean };
  readonly record: {
    readonly hasReplacement: boolean;
    /** How many replacements were lost before. */
    readonly lost: number;
    readonly hasDeadline: boolean;
    readonly isUnrouted: boolean;
    readonly failure: string;
    readonly isTurnedBack: boolean;
    readonly end: string;
  };
  readonly isCancelled: boolean;
  readonly isDeadlineOver: boolean;
  readonly isOverdue: boolean;
  /** Nodes other than the origin that are down; they do not come back. */
  readonly down: readonly string[];
  /** Faults that may still happen. */
  readonly faults: number;
}

const ORIGIN = 'node-1';
export const NOW_MS = START_MS + 3_600_000;
const PAST = timestamp(START_MS);
const COMING = timestamp(NOW_MS + 3_600_000);
const JUST_NOW = timestamp(NOW_MS - 1);

const OTHERS = ['node-2', 'node-3'];
const FIRST_REPLACEMENT = { desired: 'running', phase: 'pending', isRouted: false } as const;

/** Where the replacement is, or was last. */
export const targetOf = ({ kind, replacement }: ModelWorld): string =>
  replacement?.node ?? (kind === 'in-place' ? ORIGIN : 'node-2');
/** Each replacement has a name of its own. */
const replacementName = (number: number): string => `web-0-new${number === 0 ? '' : number}`;

export const begin = (kind: ModelWorld['kind'], faults: number): ModelWorld => ({
  kind,
  original: { desired: 'running', phase: 'healthy', by: '' },
  replacement: null,
  volume: { wanted: ORIGIN, at: ORIGIN, isBroken: false },
  record: {
    hasReplacement: false,
    lost: 0,
    hasDeadline: false,
    isUnrouted: false,
    failure: '',
    isTurnedBack: false,
    end: '',
  },
  isCancelled: false,
  isDeadlineOver: false,
  isOverdue: false,
  down: [],
  faults,
});

/** What a pass of the controller would do now. */
function decide(world: ModelWorld) {
  const objects = objectsOf(world);
  const [object] = objects;
  const facts = observe(object, { reader: readerOf(objects), nowMs: NOW_MS });
  const { state, commands } = climb<State, Command>(machine, facts);
  return { object, facts, state, commands };
}

/** Every world that may follow from a pass: it may crash before each of its commands, and before its report. */
export function passes(world: ModelWorld): {
  readonly commands: readonly string[];
  readonly worlds: ModelWorld[];
} {
  const { object, facts, state, commands } = decide(world);
  const worlds: ModelWorld[] = [];
  let now = world;
  for (const command of commands) {
    now = carryOut(now, command);
    worlds.push(now);
  }
  // A pass that wrote its own object does not report; see the host.
  const isOwnWrite = commands.some(({ type }) => OWN_WRITES.includes(type));
  if (!isOwnWrite) worlds.push(withReport(now, report(object, facts, state, NOW_MS)));
  return { commands: commands.map(({ type }) => type), worlds };
}

const OWN_WRITES: readonly Command['type'][] = ['recordSuspension', 'recordLoss', 'recordTurnBack'];

function withReport(world: ModelWorld, status: MigrationStatus): ModelWorld {
  const record = {
    ...world.record,
    hasReplacement: status.replacement !== undefined,
    hasDeadline: status.deadline !== undefined,
    end: status.finishedAt === undefined ? '' : status.phase,
  };
  return { ...world, record };
}

function carryOut(world: ModelWorld, { type, params }: Command): ModelWorld {
  const { original, replacement, record } = world;
  switch (type) {
    case 'createReplacement':
      return { ...world, replacement: { node: params.node, ...FIRST_REPLACEMENT } };
    case 'recordSuspension':
      return { ...world, isDeadlineOver: false, record: { ...record, isUnrouted: true, hasDeadline: true } };
    case 'suspendOriginal':
      return { ...world, original: { ...original, desired: 'suspended' } };
    case 'resumeOriginal':
      return { ...world, original: { ...original, desired: 'running' } };
    case 'stopOriginal':
      return { ...world, original: { ...original, desired: 'stopped', by: 'Migrated' } };
    case 'stopReplacement':
      return replacement ? { ...world, replacement: { ...replacement, desired: 'stopped' } } : world;
    case 'wantVolumes':
      return { ...world, volume: { ...world.volume, wanted: params.node, isBroken: false } };
    case 'recordLoss': {
      const next = { hasReplacement: false, hasDeadline: false, lost: record.lost + 1 };
      return { ...world, replacement: null, isDeadlineOver: false, record: { ...record, ...next } };
    }
    case 'recordTurnBack':
      return { ...world, record: { ...record, isTurnedBack: true, failure: params.failure?.reason ?? '' } };
    case 'announceEnd':
      return world;
  }
}

/** Every world that may follow because of all the others; `isFault`: of what should not happen, as well. */
export function moves(world: ModelWorld): { readonly world: ModelWorld; readonly isFault: boolean }[] {
  const { original, replacement, volume: disk, record } = world;
  const found: { world: ModelWorld; isFault: boolean }[] = [];
  const may = (isPossible: boolean, change: Partial<ModelWorld>) => {
    if (isPossible) found.push({ world: { ...world, ...change }, isFault: false });
  };
  const fault = (isPossible: boolean, change: Partial<ModelWorld>) => {
    if (isPossible && world.faults > 0) {
      found.push({ world: { ...world, ...change, faults: world.faults - 1 }, isFault: true });
    }
  };
  const isHere = (name: string) => world.kind === 'start-first' || (disk.at === name && disk.wanted === name);
  const isLive = original.phase === 'healthy' || original.phase === 'suspended';
  // The original's agent.
  may(isLive && original.desired === 'stopped', { original: { ...original, phase: 'stopped' } });
  may(original.phase === 'healthy' && original.desired === 'suspended', {
    original: { ...original, phase: 'suspended' },
  });
  may(original.phase === 'suspended' && original.desired === 'running' && isHere(ORIGIN), {
    original: { ...original, phase: 'healthy' },
  });
  fault(isLive, { original: { ...original, phase: 'failed' } });
  // The replacement's agent, and the gateways.
  if (replacement && !['stopped', 'failed', 'lost'].includes(replacement.phase)) {
    const { desired, phase, isRouted } = replacement;
    const isUp = !world.down.includes(replacement.node);
    may(isUp && desired === 'stopped', {
      replacement: { ...replacement, phase: 'stopped', isRouted: false },
    });
    may(isUp && desired === 'running' && phase === 'pending' && !isHere(targetOf(world)), {
      replacement: { ...replacement, phase: 'waiting' },
    });
    may(isUp && desired === 'running' && phase !== 'healthy' && isHere(targetOf(world)), {
      replacement: { ...replacement, phase: 'healthy' },
    });
    may(phase === 'healthy' && !isRouted, { replacement: { ...replacement, isRouted: true } });
    may(!isUp, { replacement: { ...replacement, phase: 'lost', isRouted: false } });
    fault(true, { replacement: { ...replacement, phase: 'failed', isRouted: false } });
    fault(true, { replacement: { ...replacement, phase: 'lost', isRouted: false } });
    fault(phase === 'healthy', { replacement: { ...replacement, phase: 'waiting', isRouted: false } });
  }
  for (const name of world.kind === 'in-place' ? [] : OTHERS) {
    fault(!world.down.includes(name), { down: [...world.down, name].sort() });
  }
  // The volume controller: it attaches nowhere but where the volume is wanted, and only what is free.
  if (world.kind !== 'start-first') {
    may(disk.at !== disk.wanted && disk.at !== '' && !disk.isBroken, { volume: { ...disk, at: '' } });
    may(disk.at === '', { volume: { ...disk, at: disk.wanted, isBroken: false } });
    fault(disk.at !== disk.wanted && !disk.isBroken, { volume: { ...disk, isBroken: true } });
  }
  // Time, and the operator.
  may(record.hasDeadline && !world.isDeadlineOver, { isDeadlineOver: true });
  may(record.isTurnedBack && !world.isOverdue, { isOverdue: true });
  fault(!world.isCancelled, { isCancelled: true });
  fault(original.desired !== 'stopped' && isLive, {
    original: { ...original, desired: 'stopped', by: 'Requested' },
  });
  return found;
}

const plain = service('web', {});
const disked = service('web', { template: { volumes: [{ name: 'data', volume: 'data', path: '/data' }] } });

type Objects = readonly [ObjectOf<'Migration'>, ...AnyObject[]];
const BASE = {
  migration: migration('web-0-old', {}),
  originals: { plain: healthyAlloc('web-0-old', plain), disked: healthyAlloc('web-0-old', disked) },
  replacement: (name: string, owner: typeof plain, on: string) =>
    alloc(name, {
      owner: ownerOf(owner),
      node: on,
      replaces: 'web-0-old',
      template: owner.spec.template,
    }),
  volume: volume('data'),
  nodes: [ORIGIN, ...OTHERS].map((name) => node(name)),
};
const replacements = new Map<string, ObjectOf<'Alloc'>>();

/** The objects that are in the store then. */
export function objectsOf(world: ModelWorld): Objects {
  const { original, replacement, volume: disk, record } = world;
  const owner = world.kind === 'start-first' ? plain : disked;
  const target = targetOf(world);
  const name = replacementName(record.lost);
  const key = `${name} ${owner === plain} ${target}`;
  const base = replacements.get(key) ?? BASE.replacement(name, owner, target);
  replacements.set(key, base);
  const lost = Array.from({ length: record.lost }, (_, number) => replacementName(number));
  const status: MigrationStatus = {
    phase: record.end === '' ? 'placing' : (record.end as MigrationStatus['phase']),
    ...(record.hasReplacement
      ? {
          replacement: name,
          target,
          strategy: world.kind === 'start-first' ? ('start-first' as const) : ('stop-first' as const),
        }
      : {}),
    ...(lost.length > 0 ? { lost } : {}),
    ...(record.hasDeadline ? { deadline: world.isDeadlineOver ? PAST : COMING } : {}),
    ...(record.isUnrouted ? { unroutedAt: PAST } : {}),
    ...(record.isTurnedBack ? { turnedBackAt: world.isOverdue ? PAST : JUST_NOW } : {}),
    ...(record.failure === '' ? {} : { failure: { reason: record.failure as 'NoPlace', message: '' } }),
    ...(record.end === '' ? {} : { finishedAt: PAST }),
  };
  const oldBase = owner === plain ? BASE.originals.plain : BASE.originals.disked;
  const old = changed(oldBase, {
    spec: {
      desired: original.desired,
      ...(original.by === '' ? {} : { stopReason: original.by as 'Migrated' }),
    },
    status: { phase: original.phase, route: original.phase === 'healthy' ? 'routed' : 'unrouted' },
  });
  const reason = world.kind === 'in-place' ? ('update' as const) : ('drain' as const);
  return [
    changed(BASE.migration, { spec: { cancelled: world.isCancelled, reason }, status }),
    old,
    ...(replacement ? [replacementObject(base, replacement)] : []),
    ...lost.map((each) =>
      replacementObject(BASE.replacement(each, owner, OTHERS[0] ?? ORIGIN), {
        ...FIRST_REPLACEMENT,
        node: ORIGIN,
        phase: 'lost',
      }),
    ),
    changed(BASE.volume, {
      spec: { node: disk.wanted },
      status: {
        phase: disk.isBroken
          ? 'failed'
          : disk.at === disk.wanted
            ? 'attached'
            : disk.at === ''
              ? 'ready'
              : 'detaching',
        ...(disk.at === '' ? {} : { node: disk.at }),
      },
    }),
    ...BASE.nodes.map((each) =>
      world.down.includes(each.metadata.name) ? changed(each, { status: { phase: 'down' } }) : each,
    ),
    owner,
  ];
}

function replacementObject(
  base: ObjectOf<'Alloc'>,
  now: NonNullable<ModelWorld['replacement']>,
): ObjectOf<'Alloc'> {
  const { desired, phase, isRouted } = now;
  return changed(base, {
    spec: { desired },
    status: {
      phase: phase === 'waiting' ? 'pending' : phase === 'lost' ? 'failed' : phase,
      ...(phase === 'lost' ? { reason: 'AgentLost' as const } : {}),
      ...(phase === 'waiting' ? { reason: 'WaitingForVolume' as const } : {}),
      ...(phase === 'healthy' ? { healthyAt: PAST } : {}),
      ...(isRouted ? { route: 'routed' as const } : {}),
    },
  });
}

function readerOf(objects: readonly AnyObject[]): Reader {
  const list = (kind: KindName) => objects.filter((object) => object.kind === kind);
  const reader = {
    revision: 1,
    list,
    get: (kind: KindName, name: string) => list(kind).find(({ metadata }) => metadata.name === name),
    byIndex: (kind: KindName, index: string, key: string) =>
      list(kind).filter((object) => kindDefinition(kind).indexes[index]?.(object).includes(key)),
    count: (kind: KindName) => list(kind).length,
  };
  // Each kind's objects are of that kind by construction.
  return reader as unknown as Reader;
}
