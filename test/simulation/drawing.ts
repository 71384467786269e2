/** Draws what is done to a simulated cluster from its seed. */
import { drawFault } from './drawing-faults.ts';
import { drawLostLeases, drawReturn } from './drawing-meetings.ts';
import { drawOperator } from './drawing-operators.ts';
import { type Drawn, FIRST_STEP_MS, LAST_STEP_MS, type Size } from './drawn.ts';
import { drawNats, drawNatsFault, drawTogether } from './jetstream/plan.ts';
import { type EngineName, OPERATORS, type Plan, type ServicePlan, type Step } from './plan.ts';
import { between, integer, pick, type Random, Randomness } from './randomness.ts';

/** Share of the clusters that have more of everything. Most of what goes wrong needs little to show, and is cheap to find there. */
const LARGE = 0.1;
/** Share of the clusters to which nothing bad happens, so that what must always hold then can be checked. */
const CALM = 0.15;
/** Share of the clusters, but for those, in which things go wrong together. */
const MEETINGS = 0.06;
/** The same of those on one NATS server: it is back before others lead, and a gateway's word can be missed. */
const MEETINGS_ON_ONE = 0.3;

/** Share of the clusters that are several servers on NATS. */
const ON_NATS = 0.1;

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
  const meeting = !isCalm && random() < MEETINGS ? drawReturn(random, size) : [];
  const steps = timed(random, [...operators.flat(), ...faults, ...meeting]);
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

const timed = (random: Random, drawn: readonly Drawn[]): Step[] =>
  drawn.map((action) => ({
    ...action,
    atMs: action.atMs ?? Math.round(between(random, FIRST_STEP_MS, LAST_STEP_MS)),
  }));

/** What goes wrong with a disk, or where one server's outcomes are not told, has its like between servers and NATS. */
const OF_ONE_SERVER: ReadonlySet<Step['do']> = new Set([
  ...(['slowDisk', 'fullDisk', 'unknownCommits', 'twoLeaders'] as const),
]);
/** More that goes wrong there. */
const MOST_NATS_FAULTS = 4;

/** The same operators and faults, with several servers, and what goes wrong between them. */
function moveToNats(plan: Plan, random: Random): Plan {
  const nats = drawTogether(random, drawNats(random));
  const { steps } = plan;
  const isCalm = steps.every((step) => OPERATORS.has(step.do));
  const more = Array.from({ length: isCalm ? 0 : integer(random, 1, MOST_NATS_FAULTS) }, () => ({
    ...drawNatsFault(random, nats),
    atMs: Math.round(between(random, FIRST_STEP_MS, LAST_STEP_MS)),
  }));
  const size: Size = { nodes: plan.nodes, gateways: plan.gateways, services: plan.services.length };
  const share = nats.replicas === 1 ? MEETINGS_ON_ONE : MEETINGS;
  const meeting = !isCalm && random() < share ? drawLostLeases(random, size) : [];
  const kept = [...steps, ...timed(random, meeting)]
    .filter((step) => !OF_ONE_SERVER.has(step.do))
    .map((step) => onSomeServer(step, integer(random, 0, nats.servers - 1)));
  return { ...plan, nats, steps: [...kept, ...more].sort((a, b) => a.atMs - b.atMs) };
}

const onSomeServer = (step: Step, index: number): Step =>
  (step.do === 'crash' || step.do === 'stop') && step.target.what === 'server'
    ? { ...step, target: { what: 'server', index } }
    : step;

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
