/** What is done to a simulated cluster, drawn from its seed before it begins: a list, so that it can be shortened. */
import { drawNats, drawNatsFault, type NatsFault, type NatsPlan } from './jetstream/plan.ts';
import { between, integer, pick, type Random, Randomness } from './randomness.ts';

export interface ServicePlan {
  readonly name: string;
  readonly replicas: number;
  readonly maxParallel: number;
  readonly minHealthyMs: number;
  readonly healthyDeadlineMs: number;
  /** Name of its volume, if it has one. */
  readonly volume?: string;
}

/** A process, by what it is and which one. */
export type Target =
  /** Of several servers, which one. */
  | { readonly what: 'server'; readonly index?: number }
  | { readonly what: 'agent' | 'gateway'; readonly index: number };

type Action =
  // Operators.
  | { readonly do: 'drain'; readonly nodes: readonly number[]; readonly policy: object }
  | { readonly do: 'undrain' | 'join' | 'cordon' | 'uncordon'; readonly node: number }
  /** Again and again until it is taken: `mill remove --drain`. */
  | { readonly do: 'remove'; readonly node: number; readonly tries: number }
  | { readonly do: 'scale'; readonly service: number; readonly replicas: number }
  | { readonly do: 'apply'; readonly service: number; readonly version: number }
  | { readonly do: 'delete' | 'recreate'; readonly service: number }
  | { readonly do: 'gitops'; readonly service: number; readonly everyMs: number; readonly forMs: number }
  /** Of the volume that nobody mounts. */
  | { readonly do: 'placeVolume'; readonly node: number }
  | { readonly do: 'deleteVolume' }
  /** A manifest of a node, whatever operators do to it meanwhile. */
  | {
      readonly do: 'gitopsNode';
      readonly node: number;
      readonly spec: { readonly drain?: boolean; readonly unschedulable?: boolean };
      readonly everyMs: number;
      readonly forMs: number;
    }
  | { readonly do: 'task'; readonly name: string }
  // Faults.
  | { readonly do: 'crash'; readonly target: Target; readonly steps: number; readonly forMs: number }
  /** SIGTERM. `workloads`: an agent stops all that it runs. */
  | { readonly do: 'stop'; readonly target: Target; readonly workloads: boolean; readonly forMs: number }
  | { readonly do: 'blackout'; readonly node: number; readonly forMs: number }
  /** It is gone for good: nobody may wait for it, and what it had goes on elsewhere. */
  | { readonly do: 'lose'; readonly target: Target }
  | { readonly do: 'partition'; readonly target: Target; readonly forMs: number }
  | { readonly do: 'lostAnswers'; readonly target: Target; readonly share: number; readonly forMs: number }
  | {
      readonly do: 'badWatches';
      readonly target: Target;
      readonly watch: { lagMs: number; breaks: number; expires: number; repeats: boolean };
      readonly forMs: number;
    }
  | {
      readonly do: 'badVolumes';
      readonly slowestMs: number;
      readonly failures: number;
      readonly forMs: number;
    }
  | { readonly do: 'badWorkloads'; readonly share: number; readonly forMs: number }
  | { readonly do: 'flap'; readonly forMs: number }
  | { readonly do: 'badClock'; readonly target: Target; readonly offsetMs: number; readonly rate: number }
  | { readonly do: 'slowDisk'; readonly slowestMs: number; readonly forMs: number }
  | { readonly do: 'fullDisk'; readonly forMs: number }
  | { readonly do: 'unknownCommits'; readonly share: number; readonly forMs: number }
  | { readonly do: 'twoLeaders'; readonly forMs: number }
  // Where there are several servers on NATS.
  | NatsFault;

export type Step = Action & { readonly atMs: number };

export interface Plan {
  readonly seed: number;
  /** Several servers on NATS; absent: one, with the embedded store. */
  readonly nats?: NatsPlan;
  readonly nodes: number;
  readonly gateways: number;
  readonly services: readonly ServicePlan[];
  readonly idleVolumes: number;
  readonly tasks: number;
  readonly steps: readonly Step[];
}

/**
 * Operators and faults come between these, in virtual milliseconds since the beginning: from when the first replicas
 * start, and close enough to each other to meet. Clusters with a short life are many, and many find more than long ones.
 */
const FIRST_STEP_MS = 300;
const LAST_STEP_MS = 6_000;
/** Most that one fault lasts, but for those that are to outlast a lease. */
const LONGEST_FAULT_MS = 5_000;
/** An agent or a gateway that is away for so long is given up by the servers, while it goes on. */
const PAST_LEASES_MS = { least: 10_500, most: 14_000 };
/** Share of the clusters that have more of everything. Most of what goes wrong needs little to show, and is cheap to find there. */
const LARGE = 0.1;
/** Share of the clusters to which nothing bad happens, so that what must always hold then can be checked. */
const CALM = 0.15;

/** Share of the clusters that are several servers on NATS. */
const ON_NATS = 0.1;

export type EngineName = 'embedded' | 'jetstream';

/** @param text absent: whichever is drawn. @throws RangeError where there is no such engine */
export function readEngine(text: string | undefined): EngineName | undefined {
  if (text === undefined || text === 'embedded' || text === 'jetstream') return text;
  throw new RangeError(`there is no engine "${text}": it is embedded or jetstream`);
}

/** @param engine absent: drawn as well */
export function drawPlan(seed: number, engine?: EngineName): Plan {
  const random = new Randomness(seed).stream('engine');
  const isOnNats = random() < ON_NATS;
  const plan = drawFleet(seed);
  return (engine === undefined ? isOnNats : engine === 'jetstream') ? moveToNats(plan, random) : plan;
}

function drawFleet(seed: number): Plan {
  const random = new Randomness(seed).stream('plan');
  const nodes = pick(random, [3, 3, 3, 4, 4, 5, 6, 7]);
  const gateways = pick(random, [1, 1, 2]);
  const isLarge = random() < LARGE;
  const services = drawServices(random, isLarge);
  const size: Size = { nodes, gateways, services: services.length };
  const isCalm = random() < CALM;
  const operators = Array.from({ length: integer(random, 1, isLarge ? 4 : 3) }, () =>
    drawOperator(random, size),
  );
  const faults = Array.from({ length: isCalm ? 0 : integer(random, 1, isLarge ? 5 : 3) }, () =>
    drawFault(random, size),
  );
  const steps = [...operators.flat(), ...faults].map((action) => ({
    ...action,
    atMs: action.atMs ?? Math.round(between(random, FIRST_STEP_MS, LAST_STEP_MS)),
  }));
  return {
    seed,
    nodes,
    gateways,
    services,
    idleVolumes: integer(random, 0, 1),
    tasks: integer(random, 0, isLarge ? 2 : 1),
    steps: steps.sort((a, b) => a.atMs - b.atMs),
  };
}

/** What goes wrong with a disk, or where one server's outcomes are not told, has its like between servers and NATS. */
const OF_ONE_SERVER: ReadonlySet<Step['do']> = new Set([
  ...(['slowDisk', 'fullDisk', 'unknownCommits', 'twoLeaders'] as const),
]);
/** More that goes wrong there. */
const MOST_NATS_FAULTS = 4;

/** The same operators and faults, with several servers, and what goes wrong between them. */
function moveToNats(plan: Plan, random: Random): Plan {
  const nats = drawNats(random);
  const { steps } = plan;
  const isCalm = steps.every((step) => OPERATORS.has(step.do));
  const more = Array.from({ length: isCalm ? 0 : integer(random, 1, MOST_NATS_FAULTS) }, () => ({
    ...drawNatsFault(random, nats),
    atMs: Math.round(between(random, FIRST_STEP_MS, LAST_STEP_MS)),
  }));
  const kept = steps
    .filter((step) => !OF_ONE_SERVER.has(step.do))
    .map((step) => onSomeServer(step, integer(random, 0, nats.servers - 1)));
  return { ...plan, nats, steps: [...kept, ...more].sort((a, b) => a.atMs - b.atMs) };
}

const onSomeServer = (step: Step, index: number): Step =>
  (step.do === 'crash' || step.do === 'stop') && step.target.what === 'server'
    ? { ...step, target: { what: 'server', index } }
    : step;

const OPERATORS: ReadonlySet<Step['do']> = new Set([
  ...(['drain', 'undrain', 'join', 'cordon', 'uncordon', 'remove'] as const),
  ...([
    'scale',
    'apply',
    'delete',
    'recreate',
    'gitops',
    'gitopsNode',
    'placeVolume',
    'deleteVolume',
    'task',
  ] as const),
]);

/** Where nothing bad is planned: the services whose replicas nobody may miss. Undefined where something is. */
export function calmServices({ steps, services }: Plan): readonly ServicePlan[] | undefined {
  if (!steps.every((step) => OPERATORS.has(step.do))) return undefined;
  const isForced = steps.some(
    (step) => step.do === 'drain' && 'onDeadline' in step.policy && step.policy.onDeadline === 'force',
  );
  const changed = new Set(steps.map((step) => ('service' in step ? step.service : undefined)));
  return services.filter(({ volume }, index) => volume === undefined && !isForced && !changed.has(index));
}

interface Size {
  readonly nodes: number;
  readonly gateways: number;
  readonly services: number;
}

function drawServices(random: Random, isLarge: boolean): ServicePlan[] {
  const policy = () => ({
    maxParallel: integer(random, 1, 2),
    minHealthyMs: pick(random, [0, 0, 300]),
    healthyDeadlineMs: pick(random, [3_000, 6_000]),
  });
  const stateless = Array.from({ length: pick(random, isLarge ? [2, 2, 3] : [1, 1, 1, 2]) }, (_, index) => ({
    name: `web-${index}`,
    replicas: pick(random, isLarge ? [1, 2, 3, 4] : [1, 1, 2, 2, 3]),
    ...policy(),
  }));
  const stateful = Array.from({ length: pick(random, isLarge ? [0, 1, 2] : [0, 1]) }, (_, index) => ({
    name: `db-${index}`,
    replicas: 1,
    volume: `data-${index}`,
    ...policy(),
  }));
  return [...stateless, ...stateful];
}

type Drawn = Action & { readonly atMs?: number };

function drawOperator(random: Random, { nodes, services }: Size): Drawn[] {
  const node = integer(random, 0, nodes - 1);
  const service = integer(random, 0, services - 1);
  const atMs = Math.round(between(random, FIRST_STEP_MS, LAST_STEP_MS - 3_000));
  const laterMs = () => Math.round(atMs + between(random, 5, 3_000));
  const everyMs = integer(random, 800, 2_500);
  const drain = () =>
    ({ do: 'drain', nodes: drainedNodes(random, nodes, node), policy: drawPolicy(random) }) as const;
  switch (integer(random, 0, 12)) {
    case 0:
      return [
        { ...drain(), atMs },
        { do: 'undrain', node, atMs: laterMs() },
      ];
    case 1:
      return [
        { ...drain(), atMs },
        { do: 'undrain', node, atMs: laterMs() },
        { ...drain(), atMs: laterMs() },
      ];
    case 2:
    case 3: {
      const removal: Drawn[] = [
        { ...drain(), atMs },
        { do: 'remove', node, tries: integer(random, 1, 40), atMs: laterMs() },
      ];
      return random() < 0.5 ? removal : [...removal, { do: 'join', node, atMs: atMs + 5_000 }];
    }
    case 4:
      return [{ do: 'scale', service, replicas: integer(random, 0, 5) }];
    case 5:
      return [{ do: 'apply', service, version: integer(random, 2, 9) }];
    case 6:
      return [
        { do: 'delete', service, atMs },
        { do: 'recreate', service, atMs: laterMs() },
      ];
    case 7:
      return [
        { do: 'gitops', service, everyMs, forMs: 5_000, atMs },
        { do: 'scale', service, replicas: integer(random, 0, 5), atMs: laterMs() },
      ];
    case 10:
      return [
        { do: 'gitopsNode', node, spec: drawManifest(random), everyMs, forMs: 5_000, atMs },
        { ...drain(), atMs: laterMs() },
        ...(random() < 0.5 ? [{ do: 'undrain', node, atMs: laterMs() } as const] : []),
      ];
    case 11:
      return [
        { do: 'placeVolume', node, atMs },
        { ...drain(), atMs: laterMs() },
        ...(random() < 0.5 ? [{ do: 'deleteVolume', atMs: laterMs() } as const] : []),
      ];
    case 8:
      return [
        { do: 'task', name: `job-${integer(random, 0, 9_999)}` },
        { do: 'cordon', node, atMs },
        { do: 'uncordon', node, atMs: laterMs() },
      ];
    case 9:
      // At one and the same moment: what is placed for the one lands after the other.
      return [
        { ...drain(), atMs },
        { do: 'scale', service, replicas: integer(random, 3, 5), atMs },
      ];
    default:
      return [{ ...drain(), atMs }];
  }
}

const drawManifest = (random: Random) =>
  pick(random, [
    { drain: false },
    { drain: true },
    { unschedulable: true },
    { drain: false, unschedulable: false },
  ]);

const drainedNodes = (random: Random, nodes: number, first: number): number[] =>
  random() < 0.75
    ? [first]
    : [...new Set([first, integer(random, 0, nodes - 1), integer(random, 0, nodes - 1)])];

const drawPolicy = (random: Random): object => ({
  maxParallel: integer(random, 1, 3),
  ...(random() < 0.3
    ? { deadline: `${integer(random, 1, 15)}s`, onDeadline: pick(random, ['fail', 'force']) }
    : {}),
  taskGrace: pick(random, ['0s', '0s', '2s']),
});

function drawFault(random: Random, size: Size): Drawn {
  const target = drawTarget(random, size);
  const node = integer(random, 0, size.nodes - 1);
  const forMs = Math.round(between(random, 200, LONGEST_FAULT_MS));
  const lostForMs =
    random() < 0.5 ? forMs : Math.round(between(random, PAST_LEASES_MS.least, PAST_LEASES_MS.most));
  const share = between(random, 0.05, 0.5);
  switch (integer(random, 0, 19)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return {
        do: 'crash',
        target,
        steps: integer(random, 1, 40),
        // The servers are never away for long: deadlines are theirs to keep.
        forMs:
          target.what !== 'server' && random() < 0.3 ? lostForMs : Math.round(between(random, 100, 5_000)),
      };
    case 4:
      return { do: 'blackout', node, forMs: lostForMs };
    case 5:
    case 6:
    case 19:
      return { do: 'partition', target: linked(random, size), forMs: lostForMs };
    case 7:
      return { do: 'lostAnswers', target: linked(random, size), share, forMs };
    case 8: {
      const watch = {
        lagMs: random() < 0.5 ? 0 : between(random, 10, 3_000),
        breaks: random() < 0.5 ? 0 : share,
        expires: random() < 0.5 ? 0 : share,
        repeats: random() < 0.5,
      };
      return { do: 'badWatches', target: linked(random, size), watch, forMs };
    }
    case 9:
      return {
        do: 'badVolumes',
        slowestMs: between(random, 10, 4_000),
        failures: random() < 0.5 ? 0 : share,
        forMs,
      };
    case 10:
      return { do: 'badWorkloads', share, forMs };
    case 11:
      return { do: 'flap', forMs: Math.round(forMs / 2) };
    case 12:
      return {
        do: 'badClock',
        target,
        offsetMs: Math.round(between(random, -1_400, 1_400)),
        rate: between(random, 0.98, 1.02),
      };
    case 13:
      return random() < 0.5
        ? { do: 'slowDisk', slowestMs: between(random, 5, 400), forMs }
        : { do: 'fullDisk', forMs: Math.round(forMs / 3) };
    case 15:
      return { do: 'lose', target: linked(random, size) };
    case 14:
      return { do: 'unknownCommits', share: share / 2, forMs };
    case 16:
      return { do: 'twoLeaders', forMs };
    default:
      return {
        do: 'stop',
        target,
        workloads: random() < 0.3,
        forMs: Math.round(between(random, 100, 5_000)),
      };
  }
}

function drawTarget(random: Random, size: Size): Target {
  return random() < 0.35 ? { what: 'server' } : linked(random, size);
}

/** One that talks to the server over the network. */
const linked = (random: Random, { nodes, gateways }: Size): Target =>
  random() < 0.75
    ? { what: 'agent', index: integer(random, 0, nodes - 1) }
    : { what: 'gateway', index: integer(random, 0, gateways - 1) };
